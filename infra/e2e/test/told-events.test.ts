import { createAccount } from '@memoric/e2e/accounts.ts'
import { settled } from '@memoric/e2e/settled.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { expect, test } from 'vitest'

const stack = useStack()

test('what is looked at and put back is told in the log, too', async () => {
  const { api } = stack
  const { session, key } = await createAccount(stack)
  const subject_id = 'ada'
  await api.ok('createMemory', key, { body: { content: 'The boat is blue.', subject_id, thread_id: 'boats' } })
  await api.ok('listTiers', session, { query: { subject_id } })
  await api.ok('listThreads', session, { query: { subject_id } })
  const thread = { params: { id: 'boats' }, query: { subject_id } }
  await api.ok('getThread', session, thread)
  await api.ok('summariseThread', session, thread)
  for (const archived of [true, false]) {
    await api.ok('updateThread', session, { params: { id: 'boats' }, body: { subject_id, archived } })
  }
  await api.ok('listPersons', session, { query: { subject_id } })
  const { policy } = await api.ok('getPolicy', session)
  await api.ok('putPolicy', session, { body: { policy, dry_run: true } })
  for (const status of ['granted', 'withdrawn'] as const) {
    await api.ok('putConsent', session, { params: { id: 'ben' }, body: { purpose: 'memory', status } })
  }
  const body = { url: 'https://alerts.example.org/memoric' }
  const { id } = await api.ok('createAlertWebhook', session, { body })
  await api.ok('deleteAlertWebhook', session, { params: { id } })
  await settled(stack)
  const { items } = await api.ok('listAuditLogs', session, { query: { limit: '100' } })
  expect(items.map(({ operation }) => operation)).toEqual(
    expect.arrayContaining([
      'tier.listed',
      'thread.listed',
      'thread.read',
      'thread.summarised',
      'thread.archived',
      'thread.unarchived',
      'person.read',
      'policy.read',
      'policy.previewed',
      'consent.granted',
      'consent.withdrawn',
      'alert_webhook.created',
      'alert_webhook.deleted',
    ]),
  )
})
