import { writeFile } from 'node:fs/promises'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { Capsule } from '@memoric/contracts/capsule-contract.ts'
import type { Edit } from '@memoric/contracts/edit-contract.ts'
import type { KeyRotation } from '@memoric/contracts/key-contract.ts'
import type { Erasure } from '@memoric/contracts/privacy-contract.ts'
import { expect, test } from 'vitest'
import { runMemoryOperator } from '../src/operator/run-memory-operator.ts'
import { useLogEnd } from './answer-erasures.ts'
import { processSettings } from './memory-settings.ts'
import { temporaryPath } from './temporary-path.ts'
import { colleague, decide, edited, propose } from './use-edits.ts'
import { download, exportedLines, madeExport } from './use-exports.ts'
import { call, contents, newCaller, remember, search, useMemory } from './use-memory.ts'

const memory = useMemory()
useLogEnd(memory.nats)

/** A subject with an edit of each kind, and a capsule. */
async function fill(caller: Caller, reader: Caller): Promise<string[]> {
  const ids: string[] = []
  for (const content of ['tea is wrong', 'tea is suspect', 'tea is old', 'tea is fine']) {
    ids.push((await remember(memory.app, caller, { content, subject_id: 'ada', source: 'tool' })).body.id)
  }
  const [wrong, suspect, old, fine] = ids
  await edited(memory, caller, wrong!, { reason: 'nobody said so' })
  await edited(memory, caller, suspect!, { operation: 'quarantine' })
  await edited(memory, caller, old!, { operation: 'attenuate', factor: 0.25 })
  const undone = await edited(memory, caller, fine!)
  await decide(memory, caller, undone.id, 'undo', { reason: 'it is fine' })
  const rejected = await propose(memory, caller, { memory_id: fine! })
  await decide(memory, caller, rejected.body.id, 'reject', { reason: 'it is' })
  await propose(memory, caller, { memory_id: fine! })
  const audience = [`api_key:${reader.principal.id}`]
  await call(memory.app, caller, 'POST', '/v1/capsules', {
    name: 'Teas',
    note: 'drink them',
    memory_ids: [fine, old],
    audience,
    expires_in_days: 3,
  })
  return ids
}

const found = async (caller: Caller) =>
  contents(await search(memory.app, caller, { query: 'tea', subject_id: 'ada' })).toSorted()
const edits = async (caller: Caller) =>
  (await call<{ items: Edit[] }>(memory.app, caller, 'GET', '/v1/edits?subject_id=ada')).body.items
const capsules = async (caller: Caller) =>
  (await call<{ items: Capsule[] }>(memory.app, caller, 'GET', '/v1/capsules')).body.items
const opened = async (caller: Caller, id: string) =>
  (await call<{ items: { content: string }[] }>(memory.app, caller, 'GET', `/v1/capsules/${id}/memories`)).body.items

test('edits and capsules are exported, and an import gives all of them back as they were', async () => {
  const [from, to] = [newCaller(), newCaller()]
  const reader = colleague(to)
  await fill(from, reader)
  const { id, counts } = await madeExport(memory, from, { subject_id: 'ada' })
  expect(counts).toEqual({ memory: 4, edit: 6, capsule: 1 })
  const file = await temporaryPath('edits.ndjson')
  await writeFile(file, (await download(memory, from, id)).rawPayload)
  const run = (...more: string[]) =>
    runMemoryOperator(['import', file, '--tenant', to.tenantId, ...more], {
      env: { ...processSettings, ...memory.settings() },
      screen: { isTTY: false, write: () => undefined },
      out: () => undefined,
      err: (line: string) => expect.fail(line),
    })
  expect(await run('--dry-run')).toBe(0)
  expect(await run()).toBe(0)
  expect(await found(to)).toEqual(['tea is fine', 'tea is old'])
  expect(await edits(to)).toEqual(await edits(from))
  const [capsule] = await capsules(to)
  expect(capsule).toMatchObject({ name: 'Teas', note: 'drink them', memories: 2 })
  expect((await opened(reader, capsule!.id)).map(({ content }) => content)).toEqual(['tea is fine', 'tea is old'])
  const lines = async (caller: Caller) => exportedLines(memory, caller, { subject_id: 'ada' })
  const again = await lines(to)
  expect(again.filter(({ type }) => type !== 'memory')).toEqual(
    (await lines(from)).filter(({ type }) => type !== 'memory'),
  )
  expect(await run()).toBe(0)
  expect(await edits(to)).toHaveLength(6)
  const withheld = (await edits(to)).find(({ operation }) => operation === 'quarantine')!
  await decide(memory, to, withheld.id, 'undo')
  expect(await found(to)).toEqual(['tea is fine', 'tea is old', 'tea is suspect'])
}, 60_000)

test('a file without any word of trust and standing is taken as an import like any other', async () => {
  const [from, to] = [newCaller(), newCaller()]
  await remember(memory.app, from, { content: 'tea of old', subject_id: 'ada' })
  const { id } = await madeExport(memory, from, { subject_id: 'ada' })
  const { createHash } = await import('node:crypto')
  const [header = '', line = ''] = (await download(memory, from, id)).body.split('\n')
  const {
    provenance: _p,
    trust: _t,
    standing: _s,
    standing_factor: _f,
    ...old
  } = JSON.parse(line) as Record<string, unknown>
  const text = `${header}\n${JSON.stringify(old)}\n`
  const sha256 = createHash('sha256').update(text).digest('hex')
  const file = await temporaryPath('old.ndjson')
  await writeFile(file, `${text}${JSON.stringify({ type: 'trailer', lines: 2, counts: { memory: 1 }, sha256 })}\n`)
  const around = { env: { ...processSettings, ...memory.settings() }, screen: { isTTY: false, write: () => undefined } }
  const ended = await runMemoryOperator(['import', file, '--tenant', to.tenantId], {
    ...around,
    out: () => undefined,
    err: (said: string) => expect.fail(said),
  })
  expect(ended).toBe(0)
  const { body } = await search(memory.app, to, { query: 'tea', subject_id: 'ada' })
  expect(body.results[0]!.memory).toMatchObject({
    trust: 'standard',
    standing: 'current',
    provenance: { source: 'import', key_id: null },
  })
})

test('a rotation seals reasons and labels under the next key', async () => {
  const caller = newCaller()
  const reader = colleague(caller)
  await fill(caller, reader)
  const before = [await edits(caller), await capsules(caller)]
  const { body } = await call<KeyRotation>(memory.app, caller, 'POST', '/v1/keys/rotations', { subject_id: 'ada' })
  const state = async () =>
    (await call<KeyRotation>(memory.app, caller, 'GET', `/v1/keys/rotations/${body.id}`)).body.state
  await expect.poll(state, { timeout: 20_000 }).toBe('done')
  const versions = await memory.admin`
    select distinct substring(sealed from 2 for 4)::text as key from (
      select sealed from memory_edits where tenant_id = ${caller.tenantId}
      union all select sealed from capsules where tenant_id = ${caller.tenantId}
    ) as boxes`
  expect(versions.map(({ key }) => key as string)).toEqual(['\\x00000002'])
  memory.deps.keys.forgetSubject(caller.tenantId, 'ada')
  expect([await edits(caller), await capsules(caller)]).toEqual(before)
})

test('an erasure leaves nothing of edits and capsules', async () => {
  const caller = newCaller()
  const reader = colleague(caller)
  await fill(caller, reader)
  const [capsule] = await capsules(reader)
  const { body } = await call<Erasure>(memory.app, caller, 'DELETE', '/v1/privacy/subjects/ada')
  const state = async () =>
    (await call<Erasure>(memory.app, caller, 'GET', `/v1/privacy/erasures/${body.id}`)).body.state
  await expect.poll(state, { timeout: 20_000 }).toBe('done')
  for (const table of ['memory_edits', 'capsules', 'capsule_memories']) {
    const rows = await memory.admin`select from ${memory.admin(table)} where tenant_id = ${caller.tenantId}`
    expect(rows).toHaveLength(0)
  }
  expect(await edits(caller)).toEqual([])
  expect(await capsules(reader)).toEqual([])
  const gone = await call<{ code: string }>(memory.app, reader, 'GET', `/v1/capsules/${capsule!.id}/memories`)
  expect(gone.body.code).toBe('capsule_not_found')
})
