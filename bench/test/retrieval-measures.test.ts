import { createMemoryBody } from '@memoric/contracts/memory-contract.ts'
import { searchBody } from '@memoric/contracts/search-contract.ts'
import { expect, test } from 'vitest'
import { memoriesOf } from '../retrieval/conversation-store.ts'
import { selectRankings } from '../retrieval/rankings.ts'
import { readConversation } from '../retrieval/read-conversation.ts'
import { readConversationSet } from '../retrieval/read-conversation-set.ts'
import { recallAt, reciprocalRank, summariseRetrieval } from '../retrieval/retrieval-measures.ts'
import { parseRetrievalOptions } from '../retrieval/retrieval-options.ts'
import {
  gainLines,
  replaceFigures,
  retrievalFigures,
  retrievalJson,
  retrievalTable,
} from '../retrieval/retrieval-report.ts'
import { type RankingResult, runRetrieval } from '../retrieval/run-retrieval.ts'

const ten = Array.from({ length: 10 }, (_, at) => `m${at + 1}`)

test('recall is the share of the evidence among the first k', () => {
  expect(recallAt(5, { evidence: ['m5'], found: ten })).toBe(1)
  expect(recallAt(5, { evidence: ['m6'], found: ten })).toBe(0)
  expect(recallAt(5, { evidence: ['m1', 'm6', 'm99', 'm5'], found: ten })).toBe(0.5)
  expect(recallAt(10, { evidence: ['m1'], found: [] })).toBe(0)
})

test('the reciprocal rank is that of the first evidence, and 0 when none is among the first ten', () => {
  expect(reciprocalRank({ evidence: ['m8', 'm4'], found: ten })).toBe(1 / 4)
  expect(reciprocalRank({ evidence: ['m11'], found: [...ten, 'm11'] })).toBe(0)
})

test('figures are means over questions, not over evidence', () => {
  const one = { evidence: ['m1'], found: ten }
  const other = { evidence: ['m6', 'm97', 'm98', 'm99'], found: ten }
  const figures = summariseRetrieval([one, other])
  expect(figures).toEqual({ questions: 2, recallAt5: 0.5, recallAt10: 0.625, reciprocalRank: (1 + 1 / 6) / 2 })
  expect(() => summariseRetrieval([])).toThrow('no questions')
})

test('plain BM25 silences every part of the score but relevance, and only known parts are named', () => {
  const rankings = selectRankings({}, ['relevance', 'context', 'recency', 'recency_half_life_days'])
  expect(rankings).toEqual([
    { name: 'bm25', title: 'BM25', weights: { context: 0, recency: 0 } },
    { name: 'context', title: 'with context', weights: { recency: 0 } },
    { name: 'defaults', title: 'default weights' },
  ])
  expect(selectRankings({}, ['relevance', 'recency']).map(({ name }) => name)).toEqual(['bm25', 'defaults'])
})

test('embeddings are compared when they are configured and the service knows them', () => {
  const known = ['relevance', 'context', 'embedding']
  const names = (url: string, parts = known) => selectRankings({ EMBEDDINGS_URL: url }, parts).map(({ name }) => name)
  expect(names('http://127.0.0.1:9')).toContain('embeddings')
  expect(names('')).not.toContain('embeddings')
  expect(names('http://127.0.0.1:9', ['relevance', 'context'])).not.toContain('embeddings')
})

test('every turn and every question of the set is a request that the contract takes', async () => {
  for (const { conversation, questions } of await readConversationSet()) {
    expect(memoriesOf(conversation).filter((memory) => !createMemoryBody.safeParse(memory).success)).toEqual([])
    for (const { weights } of selectRankings({})) {
      const bodies = questions.map(({ text }) => searchBody.safeParse({ query: text, weights }))
      expect(bodies.filter(({ success }) => !success)).toEqual([])
    }
  }
})

test('a turn is stored with its speaker, its session as thread, and its time in the session', () => {
  const text = 'title: T\nspeakers: Ana, Assistant\n# 2026-03-02 19:10\nm1 Ana: Hello\nm2 Assistant: Hello\n'
  const memories = memoriesOf(readConversation('ana', text))
  expect(memories.map(({ role, speaker, thread_id, occurred_at }) => [role, speaker, thread_id, occurred_at])).toEqual([
    ['user', 'Ana', 'ana-1', '2026-03-02T19:10:00.000Z'],
    ['assistant', 'Assistant', 'ana-1', '2026-03-02T19:10:30.000Z'],
  ])
})

const answer = { text: 'Who?', evidence: ['m7'], conversation: 'ana' }
const results: RankingResult[] = [
  { ranking: { name: 'bm25', title: 'BM25' }, answers: [{ ...answer, kind: 'name', found: [] }] },
  { ranking: { name: 'context', title: 'with context' }, answers: [{ ...answer, kind: 'name', found: ten }] },
]

test('the report has a line for each kind that was asked, and tells what is gained', () => {
  const lines = retrievalTable(results).split('\n')
  const cells = lines.map((line) => line.split('|').slice(1, -1))
  const [head, , ...rows] = cells.map((row) => row.map((cell) => cell.trim()))
  expect(head?.slice(2)).toEqual(['BM25: R@5', 'R@10', 'MRR', 'with context: R@5', 'R@10', 'MRR'])
  expect(rows).toEqual(['name', 'all'].map((kind) => [kind, '1', '0.0', '0.0', '0.000', '0.0', '100.0', '0.143']))
  expect(gainLines(results)).toEqual(['with context: +100.0 points of recall@10 over BM25'])
  const { rankings } = JSON.parse(retrievalJson(results)) as { rankings: { kinds: { name: unknown } }[] }
  expect(rankings[1]?.kinds.name).toEqual({ questions: 1, recallAt5: 0, recallAt10: 1, reciprocalRank: 1 / 7 })
})

test('each question is asked in each way, of its own conversation', async () => {
  const set = (await readConversationSet()).slice(0, 2)
  const asked: string[] = []
  const store = (name: string) => ({
    search: (query: string) => Promise.resolve([asked.push(`${name} ${query}`), []][1] as []),
  })
  const ran = await runRetrieval(
    set,
    selectRankings({}),
    { store: ({ name }) => Promise.resolve(store(name)) },
    () => {},
  )
  const questions = set.flatMap((entry) => entry.questions.map(({ text }) => `${entry.conversation.name} ${text}`))
  expect(asked).toEqual(ran.flatMap(() => questions))
})

test('the figures take the place of those before in the page, which stays as it is otherwise', () => {
  const page = 'Head\n<!-- figures -->\nold $1\n<!-- end of figures -->\nFoot\n'
  const figures = retrievalFigures(results)
  const written = replaceFigures(page, figures)
  expect(written).toBe(`Head\n<!-- figures -->\n\n${figures}\n\n<!-- end of figures -->\nFoot\n`)
  expect(replaceFigures(written, figures)).toBe(written)
  expect(() => replaceFigures('Head\n', figures)).toThrow('no place')
})

test('the command line names conversations, a file, and whether the page is updated', () => {
  const options = parseRetrievalOptions(['--only', 'lena, mia', '--json', 'f.json'])
  expect(options).toEqual({ only: ['lena', 'mia'], json: 'f.json', update: false })
  expect(parseRetrievalOptions(['--update'])).toEqual({ only: [], json: undefined, update: true })
  expect(() => parseRetrievalOptions(['--update', '--only', 'lena'])).toThrow('--update is for all')
  expect(() => parseRetrievalOptions(['--quick'])).toThrow('Usage: npm run bench:retrieval')
})
