import type { AllowList } from '@memoric/contracts/caller.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import type { SearchRequest, SearchScope } from '@memoric/contracts/search-contract.ts'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { embeddingText, queryText } from '../src/embeddings/embedding-text.ts'
import { bruteForceSearch } from './brute-force-search.ts'
import { type Drafted, drafted, NAMESPACES, request } from './random-memories.ts'
import { similarityOf, useEmbeddingEndpoint } from './use-embedding-endpoint.ts'
import { allEmbedded, embeddingSettings } from './use-embeddings.ts'
import { call, newCaller, search, type TestProcess, useMemory } from './use-memory.ts'

const LEAST = 0.45

const memory = useMemory()
const endpoint = useEmbeddingEndpoint()
let processes: readonly [TestProcess, TestProcess]

beforeAll(async () => {
  const settings = embeddingSettings(endpoint.url, { EMBEDDINGS_MIN_SIMILARITY: String(LEAST) })
  processes = [await memory.startAnother(settings), await memory.startAnother(settings)]
})

type Step = { readonly at: 0 | 1 } & (
  | { readonly do: 'write'; readonly drafts: readonly Drafted[] }
  | { readonly do: 'change' | 'delete'; readonly which: readonly number[]; readonly draft: Drafted }
  | { readonly do: 'store' | 'forget' }
)

const at = fc.constantFrom(0 as const, 1 as const)
const which = fc.array(fc.nat(10_000), { minLength: 1, maxLength: 6 })
const drafts = fc.array(drafted, { minLength: 10, maxLength: 90 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ at, do: fc.constant('write' as const), drafts }) },
  {
    weight: 4,
    arbitrary: fc.record({ at, do: fc.constantFrom('change' as const, 'delete' as const), which, draft: drafted }),
  },
  { weight: 2, arbitrary: fc.record({ at, do: fc.constantFrom('store' as const, 'forget' as const) }) },
)
const asked = fc.tuple(
  request,
  fc.constantFrom(undefined, 0, 0.3, 4),
  fc.oneof(fc.constant('*' as const), fc.subarray(NAMESPACES, { minLength: 1 })),
)

function createWorld() {
  const caller = newCaller()
  const place = { tenantId: caller.tenantId, subjectId: 'ada' }
  const known = new Map<string, Memory>()
  const keep = (memory: Memory): void => void known.set(memory.id, memory)
  const pick = (numbers: readonly number[]): string[] => {
    const all = [...known.keys()]
    return [...new Set(numbers.flatMap((number) => all[number % all.length] ?? []))]
  }
  return { caller, known, apply }

  async function apply(happens: Step): Promise<void> {
    const { app, deps } = processes[happens.at]
    if (happens.do === 'write') {
      const items = happens.drafts.map((draft) => ({
        ...Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== null)),
        subject_id: 'ada',
      }))
      const answer = await call<{ items: { memory: Memory }[] }>(app, caller, 'POST', '/v1/memories/batch', { items })
      for (const { memory: written } of answer.body.items) keep(written)
    } else if (happens.do === 'change') {
      const { namespace, thread_id, session_id, ...change } = happens.draft
      expect([namespace, thread_id, session_id]).toHaveLength(3)
      for (const id of pick(happens.which)) keep((await call(app, caller, 'PATCH', `/v1/memories/${id}`, change)).body)
    } else if (happens.do === 'delete') {
      for (const id of pick(happens.which)) {
        await call(app, caller, 'DELETE', `/v1/memories/${id}`)
        known.delete(id)
      }
    } else if (happens.do === 'store') await deps.indexes.store(place)
    else deps.indexes.forget(place)
  }
}

async function compare(
  { app }: TestProcess,
  { caller, known }: ReturnType<typeof createWorld>,
  body: Partial<SearchRequest>,
  namespaces: AllowList,
): Promise<number> {
  if (namespaces !== '*' && body.namespace !== undefined && !namespaces.includes(body.namespace)) return 0
  const scope: SearchScope = body.thread_id !== undefined ? 'thread' : body.topic !== undefined ? 'topic' : 'subject'
  const answer = await search(app, { ...caller, namespaces }, { ...body, subject_id: 'ada', explain: true })
  const text = queryText(body.query ?? '')
  const meanings = { of: (each: Memory) => similarityOf(text, embeddingText(each)), least: LEAST }
  const isUsed = text !== '' && answer.body.embeddings !== undefined
  const expected = bruteForceSearch(
    [...known.values()],
    namespaces,
    body,
    scope,
    Date.now(),
    [],
    isUsed ? meanings : undefined,
  )
  expect(answer.body.embeddings).not.toBe('unavailable')
  if (isUsed) expect(answer.body.embedded).toBe(answer.body.searched)
  expect(answer.body.searched).toBe(expected.searched)
  expect(answer.body.results).toHaveLength(expected.results.length)
  for (const [place, { score }] of expected.results.entries()) {
    expect(answer.body.results[place]?.score).toBeCloseTo(score, 6)
  }
  return answer.body.results.filter(({ explanation }) => explanation?.relevance.value === 0).length
}

test('two processes agree on what is near with each other and with a look at every memory', async () => {
  const byMeaning: number[] = []
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(step, fc.array(asked, { minLength: 1, maxLength: 3 })), { minLength: 3, maxLength: 8 }),
      async (steps) => {
        const world = createWorld()
        for (const [happens, searches] of steps) {
          await world.apply(happens)
          if (world.known.size > 0) await allEmbedded(memory, processes[0], world.caller)
          for (const [body, embedding, namespaces] of searches) {
            const weights = { ...body.weights, ...(embedding !== undefined && { embedding }) }
            for (const each of processes) byMeaning.push(await compare(each, world, { ...body, weights }, namespaces))
          }
        }
      },
    ),
    { numRuns: 10, interruptAfterTimeLimit: 30_000 },
  )
  // Or nothing of it was about meanings.
  expect(Math.max(...byMeaning)).toBeGreaterThan(0)
}, 90_000)
