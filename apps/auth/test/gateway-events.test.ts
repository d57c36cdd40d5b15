import { randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import { GATEWAY_EVENTS_PATH } from '@memoric/contracts/gateway-events.ts'
import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import { systemContext } from '@memoric/service/system-events.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { describe, expect, test } from 'vitest'
import { EXIT_CODES, runOperator } from '../src/operator/run-operator.ts'
import { processSettings } from './auth-settings.ts'
import { signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
const gateway: Partial<Caller> = { principal: { type: 'service', id: 'gateway' } }
const post = (events: unknown[], caller = gateway) => auth.call('POST', GATEWAY_EVENTS_PATH, { events }, caller)
const hash = (letter: string) => `${letter.repeat(43)}=`
const started = (configuration: Record<string, string>) => ({ kind: 'started', configuration })

describe('what a gateway tells', () => {
  test('of its starts and its end is told with the names of the variables that changed, and not of their values', async () => {
    expect((await post([started({ PORT: hash('a'), LOG_LEVEL: hash('b') })])).status).toBe(204)
    await post([{ kind: 'stopped' }, started({ PORT: hash('c'), LOG_LEVEL: hash('b'), REDIS_URL: hash('d') })])
    const starts = await auth.events('system.started')
    expect(starts).toHaveLength(2)
    expect(starts[0]).toMatchObject({
      source: 'memoric/gateway',
      tenantid: PLATFORM_TENANT,
      actor: 'service:gateway',
      data: { resource_type: 'app', resource_id: 'gateway' },
    })
    expect(await auth.events('system.stopped')).toHaveLength(1)
    const [changed, ...more] = await auth.events('system.configuration_changed')
    expect(more).toEqual([])
    expect(changed?.data.details).toEqual({ changed: ['PORT', 'REDIS_URL'] })
    expect(JSON.stringify(changed)).not.toContain(hash('c'))
  })

  test('of a subscriber is told in its tenant, once', async () => {
    const { tenantId } = await signUp(auth)
    const caller = { ...systemContext('x').caller, tenantId, principal: { type: 'user', id: 'ada' } }
    const told = { kind: 'subscribed', id: uuidV7(), at: Date.now(), caller, filters: ['type'], resumed: true }
    await post([told])
    await post([told])
    const events = (await auth.events('events.subscribed')).filter(({ tenantid }) => tenantid === tenantId)
    expect(events.map(({ data }) => data.details)).toEqual([{ filters: ['type'], resumed: true }])
  })

  test.each([
    ['nothing', []],
    ['another kind', [{ kind: 'crashed' }]],
    ['a value in the place of its hash', [started({ PORT: '3456' })]],
    ['more than one request may carry', Array.from({ length: 101 }, () => ({ kind: 'stopped' }))],
  ])('is refused when it is %s', async (_name, events) => {
    expect((await post(events)).status).toBe(400)
  })

  test('is taken from services only', async () => {
    const { caller } = await signUp(auth)
    expect((await post([{ kind: 'stopped' }], caller)).status).toBe(403)
  })
})

describe('a user of NATS', () => {
  const key = `U${'A'.repeat(55)}`
  const operate = (...args: string[]) =>
    runOperator(['nats-user', 'note', ...args], {
      env: { ...processSettings, ...auth.settings() },
      out: () => undefined,
      err: () => undefined,
      patienceMs: 500,
    })

  test.each(['created', 'removed'])('that is %s is told of in the log of its tenant', async (what) => {
    const { tenantId } = await signUp(auth)
    expect(await operate(what, tenantId, key)).toBe(EXIT_CODES.done)
    const type = what === 'created' ? 'nats_user.created' : 'nats_user.removed'
    const events = (await auth.events(type)).filter(({ tenantid }) => tenantid === tenantId)
    expect(events.map(({ data }) => data.resource_id)).toEqual([key])
  })

  test('is not made for a tenant that there is not, or with what is no key', async () => {
    expect(await operate('created', randomUUID(), key)).toBe(EXIT_CODES.failed)
    expect(await operate('created', (await signUp(auth)).tenantId, 'x')).toBe(EXIT_CODES.usage)
    expect(await operate('changed', (await signUp(auth)).tenantId, key)).toBe(EXIT_CODES.usage)
  })
})
