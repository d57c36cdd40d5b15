import { randomUUID } from 'node:crypto'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { countAnswer } from '@memoric/contracts/signals.ts'
import { countSubject } from '@memoric/contracts/subjects.ts'
import { type Account, createAccount } from '@memoric/e2e/accounts.ts'
import { settled } from '@memoric/e2e/settled.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { type EventSource, openEventSource } from '@memoric/testkit/event-source.ts'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const stack = useStack()
const patience = { timeout: 20_000, interval: 25 }
const open: EventSource[] = []
let mine: Account
let other: Account

beforeAll(async () => {
  mine = await createAccount(stack)
  other = await createAccount(stack)
})
afterAll(() => {
  for (const source of open) source.close()
})

function headersOf({ key }: Pick<Account, 'key'>): Record<string, string> {
  return { 'x-api-key': key !== null && 'apiKey' in key ? key.apiKey : '' }
}

async function subscribe(account: Pick<Account, 'key'>, query = '', lastEventId?: string): Promise<EventSource> {
  const resume = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
  const source = await openEventSource(`${stack.settings.urls.gateway}/v1/events${query}`, {
    ...headersOf(account),
    ...resume,
  })
  open.push(source)
  return source
}

async function store(account: Account, headers: Record<string, string> = {}): Promise<string> {
  const body = { content: `a secret ${randomUUID()}`, subject_id: 'ada' }
  const made = await stack.api.ok('createMemory', account.key, { body, headers })
  return (made as { id: string }).id
}

interface Told {
  readonly type: string
  readonly tenantid: string
  readonly traceparent?: string
  readonly data: { readonly resource_id: string; readonly reason: string | null; readonly personal?: string }
}

const told = ({ messages }: EventSource) => messages.map(({ data }) => data as Told)
const createdIn = (source: EventSource) =>
  told(source)
    .filter(({ type }) => type === 'memory.created')
    .map(({ data }) => data.resource_id)

describe('the events of a tenant', () => {
  test('reach who listens, with reason and trace, without content, personal data, or anything of another tenant', async () => {
    const source = await subscribe(mine)
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const ids: string[] = []
    for (let i = 0; i < 5; i += 1) {
      ids.push(await store(mine, { 'x-memoric-reason': 'ticket 4711', traceparent: trace }))
      await store(other)
    }
    await expect.poll(() => createdIn(source), patience).toEqual(ids)
    const all = JSON.stringify(source.messages)
    for (const absent of ['secret', 'personal', other.tenantId]) expect(all).not.toContain(absent)
    const [first] = told(source).filter(({ type }) => type === 'memory.created')
    expect(first).toMatchObject({ traceparent: trace })
  })

  test('are in the log with the reason and the trace that the client named', async () => {
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'
    const reason = 'größer than before'
    const header = Buffer.from(reason).toString('latin1')
    const id = await store(mine, { 'x-memoric-reason': header, traceparent: trace })
    const bare = await store(mine, { traceparent: 'nonsense' })
    await settled(stack)
    const lines = await stack.admin.audit<{ id: string; reason: string; details: Record<string, unknown> }[]>`
      select resource_id as id, reason, details from audit_logs where resource_id in (${id}, ${bare})`
    expect(lines.find((line) => line.id === id)).toMatchObject({
      reason,
      details: { trace_id: '0af7651916cd43dd8448eb211c80319c' },
    })
    expect(lines.find((line) => line.id === bare)?.details['trace_id']).toBeUndefined()
  })

  test.each(['', 'x'.repeat(257), 'tab\there', '\u00ff\u00fe'])('are not told with the reason %j', async (reason) => {
    const body = { content: 'nothing', subject_id: 'ada' }
    const answer = await stack.api.call('createMemory', mine.key, { body, headers: { 'x-memoric-reason': reason } })
    expect(answer.problem?.errors?.[0]?.pointer).toBe('header/x-memoric-reason')
  })

  test('go on after the last one that a client had, each once, while others are written', async () => {
    const account = await createAccount(stack)
    const first = await subscribe(account, '?type=memory.*')
    const ids: string[] = []
    const write = async () => {
      for (let i = 0; i < 60; i += 1) ids.push(await store(account, { 'x-memoric-reason': `${i}` }))
    }
    const writing = Promise.all([write(), write(), write()])
    await expect.poll(() => createdIn(first).length, patience).toBeGreaterThan(30)
    first.close()
    const had = first.messages.slice(0, 25)
    const second = await subscribe(account, '?type=memory.*', had.at(-1)?.id)
    await writing
    const before = had.map(({ data }) => (data as Told).data.resource_id)
    const all = () => [...before, ...createdIn(second)].toSorted()
    await expect.poll(() => all().length, patience).toBeGreaterThanOrEqual(ids.length)
    expect(all()).toEqual(ids.toSorted())
  }, 60_000)

  test('are told to nobody any more within a second of the revocation of the key', async () => {
    const account = await createAccount(stack)
    const source = await subscribe(account)
    await stack.api.ok('revokeApiKey', account.session, { params: { id: account.keyId } })
    const revokedAt = performance.now()
    await source.closed
    expect(performance.now() - revokedAt).toBeLessThan(1_000)
    expect(source.messages.at(-1)).toMatchObject({ name: 'memoric.end', data: { reason: 'credential_ended' } })
  })

  test('are told to whom the log knows', async () => {
    const account = await createAccount(stack)
    const source = await subscribe(account, '?type=memory.*')
    await expect
      .poll(async () => {
        const rows = await stack.admin.audit<{ details: unknown }[]>`
          select details from audit_logs where tenant_id = ${account.tenantId} and operation = 'events.subscribed'`
        return rows.map(({ details }) => details)
      }, patience)
      .toEqual([{ filters: ['type'], resumed: false }])
    source.close()
  })

  test('are followed by the program of the documentation', async () => {
    const program = fileURLToPath(new URL('../../../docs/examples/follow-events.mjs', import.meta.url))
    const env = { MEMORIC_URL: stack.settings.urls.gateway, MEMORIC_API_KEY: headersOf(mine)['x-api-key'] ?? '' }
    const child: ChildProcess = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let printed = ''
    child.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()))
    const ids: string[] = []
    const isPrinted = async () => {
      ids.push(await store(mine))
      return ids.some((id) => printed.includes(id))
    }
    await expect.poll(isPrinted, { timeout: 15_000, interval: 200 }).toBe(true)
    expect(printed).toContain('memory.created')
    child.kill()
    await once(child, 'exit')
  }, 30_000)
})

test('auth and memory tell audit how many events have left their outboxes, and nobody else', async () => {
  await store(mine)
  await settled(stack)
  const hour = Math.floor(Date.now() / 3_600_000)
  const audit = await connect(stack.nats.login('audit'))
  for (const app of ['auth', 'memory']) {
    const question = JSON.stringify({ hour, after: '00000000-0000-0000-0000-000000000000' })
    const answer = countAnswer.parse((await audit.request(countSubject(app), question)).json())
    expect(answer.counts.map(({ tenantId }) => tenantId)).toContain(mine.tenantId)
  }
  await audit.close()
})
