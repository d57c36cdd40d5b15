import type { AllowList, Caller } from '@memoric/contracts/caller.ts'
import { EDIT_OPERATIONS, type Edit, type EditOperation } from '@memoric/contracts/edit-contract.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import type { SearchRequest, SearchScope } from '@memoric/contracts/search-contract.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bruteForceSearch } from './brute-force-search.ts'
import { type Drafted, drafted, NAMESPACES, request } from './random-memories.ts'
import { call, newCaller, search, type TestProcess, useMemory } from './use-memory.ts'

const memory = useMemory()

/** What happens; `at` says in which of the two processes. */
type Step = { readonly at: 0 | 1 } & (
  | { readonly do: 'write'; readonly drafts: readonly Drafted[] }
  | { readonly do: 'change'; readonly which: readonly number[]; readonly draft: Drafted }
  | { readonly do: 'delete'; readonly which: readonly number[] }
  | { readonly do: 'edit'; readonly which: readonly number[]; readonly operation: EditOperation }
  | { readonly do: 'undo'; readonly which: readonly number[] }
  | { readonly do: 'store' }
  | { readonly do: 'forget' }
)

const at = fc.constantFrom(0 as const, 1 as const)
const which = fc.array(fc.nat(10_000), { minLength: 1, maxLength: 6 })
const drafts = fc.array(drafted, { minLength: 20, maxLength: 150 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ at, do: fc.constant('write' as const), drafts }) },
  { weight: 2, arbitrary: fc.record({ at, do: fc.constant('change' as const), which, draft: drafted }) },
  { weight: 2, arbitrary: fc.record({ at, do: fc.constant('delete' as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({
      at,
      do: fc.constant('edit' as const),
      which,
      operation: fc.constantFrom(...EDIT_OPERATIONS),
    }),
  },
  { weight: 2, arbitrary: fc.record({ at, do: fc.constant('undo' as const), which }) },
  { weight: 2, arbitrary: fc.record({ at, do: fc.constant('store' as const) }) },
  { weight: 1, arbitrary: fc.record({ at, do: fc.constant('forget' as const) }) },
)
const asked = fc.tuple(request, fc.oneof(fc.constant('*' as const), fc.subarray(NAMESPACES, { minLength: 1 })))

/** One subject, the two processes that serve it, and what they should know. */
function createWorld(processes: readonly [TestProcess, TestProcess]) {
  const caller = newCaller()
  const place = { tenantId: caller.tenantId, subjectId: 'ada' }
  const known = new Map<string, Memory>()
  const edits = new Map<string, Edit>()
  const pick = (numbers: readonly number[]): Memory[] => {
    const all = [...known.values()]
    return [...new Set(numbers.map((number) => all[number % all.length]).filter((found) => found !== undefined))]
  }
  const keep = ({ id, ...rest }: Memory): void => void known.set(id, { id, ...rest })

  return { caller, known, apply }

  async function apply(happens: Step): Promise<void> {
    const { app, deps } = processes[happens.at]
    if (happens.do === 'write') {
      const items = happens.drafts.map((draft) => ({ ...bodyOf(draft), subject_id: 'ada' }))
      const answer = await call<{ items: { memory: Memory }[] }>(app, caller, 'POST', '/v1/memories/batch', { items })
      for (const { memory: written } of answer.body.items) keep(written)
    } else if (happens.do === 'change') {
      // A memory stays where it was said.
      const { namespace, thread_id, session_id, ...change } = happens.draft
      expect([namespace, thread_id, session_id]).toHaveLength(3)
      for (const { id } of pick(happens.which))
        keep((await call(app, caller, 'PATCH', `/v1/memories/${id}`, change)).body)
    } else if (happens.do === 'delete') {
      for (const { id } of pick(happens.which)) {
        expect((await call(app, caller, 'DELETE', `/v1/memories/${id}`)).status).toBe(204)
        known.delete(id)
        for (const edit of edits.values()) if (edit.memory_id === id) edits.delete(edit.id)
      }
    } else if (happens.do === 'edit') {
      for (const { id } of pick(happens.which)) await approve(app, id, happens.operation)
    } else if (happens.do === 'undo') {
      const all = [...edits.values()]
      for (const number of new Set(happens.which)) await undo(app, all[number % all.length])
    } else if (happens.do === 'store') await deps.indexes.store(place)
    else deps.indexes.forget(place)
  }

  async function approve(app: TestProcess['app'], id: string, operation: EditOperation): Promise<void> {
    const factor = operation === 'attenuate' ? { factor: 0.5 } : {}
    const body = { memory_id: id, operation, reason: 'it is said', ...factor }
    const proposed = await call<Edit>(app, caller, 'POST', '/v1/edits', body)
    expect((await call(app, caller, 'POST', `/v1/edits/${proposed.body.id}/approve`, {})).status).toBe(200)
    edits.set(proposed.body.id, proposed.body)
    keep((await call(app, caller, 'GET', `/v1/memories/${id}`)).body)
  }

  async function undo(app: TestProcess['app'], edit: Edit | undefined): Promise<void> {
    if (edit === undefined || !edits.delete(edit.id)) return
    expect((await call(app, caller, 'POST', `/v1/edits/${edit.id}/undo`, {})).status).toBe(200)
    keep((await call(app, caller, 'GET', `/v1/memories/${edit.memory_id}`)).body)
  }
}

function bodyOf(draft: Drafted): object {
  return Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== null))
}

async function compare(
  { app }: TestProcess,
  caller: Caller,
  known: ReadonlyMap<string, Memory>,
  body: Partial<SearchRequest>,
  namespaces: AllowList,
): Promise<void> {
  const scope: SearchScope = body.thread_id !== undefined ? 'thread' : body.topic !== undefined ? 'topic' : 'subject'
  const isAllowed = namespaces === '*' || body.namespace === undefined || namespaces.includes(body.namespace)
  const answer = await search(app, { ...caller, namespaces }, { ...body, subject_id: 'ada' })
  expect(answer.status).toBe(isAllowed ? 200 : 403)
  if (!isAllowed) return
  const expected = bruteForceSearch([...known.values()], namespaces, body, scope, Date.now())
  expect(answer.body.searched).toBe(expected.searched)
  expect(answer.body.results).toHaveLength(expected.results.length)
  for (const [place, { score }] of expected.results.entries()) {
    const found = answer.body.results[place]
    expect(found?.score).toBeCloseTo(score, 6)
    expect(found?.memory).toEqual(known.get(found?.memory.id ?? ''))
  }
}

test('two processes agree with each other and with a look at every memory after every write, change, deletion, edit, undoing, storing and restart', async () => {
  const processes = [memory, await memory.startAnother()] as const
  const stored: number[] = []
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(step, fc.array(asked, { maxLength: 3 })), { minLength: 4, maxLength: 14 }),
      async (steps) => {
        const world = createWorld([...processes])
        for (const [happens, searches] of steps) {
          await world.apply(happens)
          for (const [body, namespaces] of searches) {
            for (const each of processes) await compare(each, world.caller, world.known, body, namespaces)
          }
        }
        const rows = await memory.admin`select memories from search_segments where tenant_id = ${world.caller.tenantId}`
        stored.push(rows.length)
      },
    ),
    { numRuns: 15, interruptAfterTimeLimit: 60_000 },
  )
  // Or nothing of it was about segments.
  expect(Math.max(...stored)).toBeGreaterThan(0)
}, 120_000)
