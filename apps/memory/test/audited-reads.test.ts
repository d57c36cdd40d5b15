import type { CallerSettings } from '@memoric/contracts/caller.ts'
import type { MemoricEvent } from '@memoric/contracts/event.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { beforeAll, expect, test } from 'vitest'
import { SAMPLED } from '../src/reads/told-read.ts'
import { call, newCaller, useMemory } from './use-memory.ts'

const memory = useMemory()
let started: string

beforeAll(() => {
  started = uuidV7()
})

/** Reads each memory of a tenant in three ways, `times` times, and gives the events that tell of it once all are written. */
async function readAll(audit_reads: CallerSettings['audit_reads'], times: number): Promise<MemoricEvent[]> {
  const caller = newCaller({ settings: { consent_required: false, audit_reads } })
  const again = () => ({ ...caller, requestId: uuidV7() })
  const body = { content: 'Ada prefers tea', subject_id: 'ada' }
  const { body: made } = await call(memory.app, caller, 'POST', '/v1/memories', body)
  for (let i = 0; i < times; i += 1) {
    await call(memory.app, again(), 'GET', `/v1/memories/${made.id}`)
    await call(memory.app, again(), 'GET', '/v1/memories?subject_id=ada')
    await call(memory.app, again(), 'POST', '/v1/memories/search', { query: 'tea', subject_id: 'ada' })
  }
  const last = newCaller()
  await call(memory.app, last, 'GET', '/v1/memories')
  await expect.poll(async () => (await told(last.tenantId)).length).toBe(1)
  return told(caller.tenantId)
}

async function told(tenantId: string): Promise<MemoricEvent[]> {
  const types = ['memory.read', 'memory.listed', 'memory.searched']
  const events = (await Promise.all(types.map((type) => memory.events(type)))).flat()
  return events.filter((event) => event.tenantid === tenantId && event.id > started)
}

test('every read is told where the tenant wants all', async () => {
  expect(await readAll('all', 2)).toHaveLength(6)
})

test('no read is told where the tenant wants none, but changes are', async () => {
  expect(await readAll('none', 5)).toEqual([])
  expect((await memory.events('memory.created')).length).toBeGreaterThan(0)
})

test('one of ten reads is told where the tenant wants samples, by its request id, and says so', async () => {
  const events = await readAll('sampled', 40)
  expect(events.length).toBeGreaterThan(0)
  expect(events.length).toBeLessThan(40)
  for (const { data } of events) {
    expect(Number.parseInt(data.request_id?.slice(-8) ?? '', 16) % SAMPLED).toBe(0)
    expect(data.details['sampled']).toBe(SAMPLED)
  }
})
