import type { Caller } from '@memoric/contracts/caller.ts'
import { describe, expect, test, vi } from 'vitest'
import { call, contents, newCaller, remember, search, useMemory } from './use-memory.ts'

const memory = useMemory()

async function rememberAll(caller: Caller, items: object[]): Promise<void> {
  for (let at = 0; at < items.length; at += 500) {
    const body = { items: items.slice(at, at + 500) }
    const answer = await call<{ items: { status: number }[] }>(memory.app, caller, 'POST', '/v1/memories/batch', body)
    expect(new Set(answer.body.items.map(({ status }) => status))).toEqual(new Set([201]))
  }
}

test('a thousand memories are all considered, and the one that matters comes first', async () => {
  const caller = newCaller()
  const noise = Array.from({ length: 999 }, (_, at) => ({ content: `note ${at} about the garden and the weather` }))
  await rememberAll(caller, [{ content: 'The passport of Ada lies in the blue drawer' }, ...noise])
  const found = await search(memory.app, caller, { query: 'where is the passport?' })
  expect(found.body).toMatchObject({ scope_used: 'subject', searched: 1000 })
  expect(contents(found)).toEqual(['The passport of Ada lies in the blue drawer'])
  expect(contents(await search(memory.app, caller, { query: 'garden', top_k: 100 }))).toHaveLength(100)
})

test('a subject that nobody wrote to since is answered from memory, checked along with reading what was found', async () => {
  const caller = newCaller()
  await remember(memory.app, caller, { content: 'tea with milk' })
  const synchronised = vi.spyOn(memory.deps.indexes, 'use')
  const ask = async () => contents(await search(memory.app, caller, { query: 'tea' }))
  expect([await ask(), await ask(), await ask()]).toEqual([['tea with milk'], ['tea with milk'], ['tea with milk']])
  expect(synchronised).toHaveBeenCalledTimes(1)
  await remember(memory.app, caller, { content: 'tea with lemon' })
  expect((await ask()).toSorted()).toEqual(['tea with lemon', 'tea with milk'])
  expect(synchronised).toHaveBeenCalledTimes(2)
  synchronised.mockRestore()
})

test('a search sees what was written, changed and deleted just before, in every process', async () => {
  const caller = newCaller()
  const other = await memory.startAnother()
  const both = async (query: string) => {
    const found = await Promise.all([memory.app, other.app].map((app) => search(app, caller, { query })))
    return found.map(contents)
  }
  const { body } = await remember(memory.app, caller, { content: 'tea with milk' })
  expect(await both('tea')).toEqual([['tea with milk'], ['tea with milk']])
  await call(other.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content: 'coffee without sugar' })
  expect(await both('tea')).toEqual([[], []])
  expect(await both('sugar')).toEqual([['coffee without sugar'], ['coffee without sugar']])
  await call(memory.app, caller, 'DELETE', `/v1/memories/${body.id}`)
  expect(await both('sugar')).toEqual([[], []])
})

test('writers and searchers at the same time: a search never misses what was acknowledged before it', async () => {
  const caller = newCaller()
  const other = await memory.startAnother()
  const lanes = Array.from({ length: 8 }, async (_, lane) => {
    const app = lane % 2 === 0 ? memory.app : other.app
    for (let at = 0; at < 15; at++) {
      const word = `w${lane}x${at}`
      await remember(app, caller, { content: `${word} and more` })
      const found = await Promise.all([memory.app, other.app].map((each) => search(each, caller, { query: word })))
      expect(found.map(contents)).toEqual([[`${word} and more`], [`${word} and more`]])
    }
  })
  await Promise.all(lanes)
})

describe('ranking', () => {
  test('rare words weigh more than common ones', async () => {
    const caller = newCaller()
    await rememberAll(caller, [
      { content: 'the meeting about the budget' },
      { content: 'the meeting about the garden' },
      { content: 'the meeting about the zeppelin' },
    ])
    const found = await search(memory.app, caller, { query: 'zeppelin meeting' })
    expect(contents(found)[0]).toBe('the meeting about the zeppelin')
    expect(contents(found)).toHaveLength(3)
  })

  test('without words, newer and weightier memories come first', async () => {
    const caller = newCaller()
    await rememberAll(caller, [
      { content: 'old', occurred_at: '2020-01-01T00:00:00Z' },
      { content: 'new' },
      { content: 'weighty', importance: 'critical' },
    ])
    expect(contents(await search(memory.app, caller, {}))).toEqual(['weighty', 'new', 'old'])
    const byAge = { weights: { importance: 0, reinforcement: 0, recency: 1 } }
    expect(contents(await search(memory.app, caller, byAge)).at(-1)).toBe('old')
  })

  test('contributions add up to the score, and weights change the order', async () => {
    const caller = newCaller()
    await rememberAll(caller, [
      { content: 'tea tea tea', importance: 'low', occurred_at: '2024-01-01T00:00:00Z' },
      { content: 'a cup of tea in the afternoon with friends', importance: 'critical' },
    ])
    const found = await search(memory.app, caller, { query: 'tea', explain: true })
    for (const { score, explanation } of found.body.results) {
      const parts = Object.values(explanation!).map((component) => component?.contribution ?? 0)
      expect(parts.reduce((sum, part) => sum + part, 0)).toBeCloseTo(score, 12)
      expect(explanation!.relevance.terms).toHaveLength(1)
    }
    const order = async (weights: object) => contents(await search(memory.app, caller, { query: 'tea', weights }))[0]
    expect(await order({ relevance: 1, recency: 0, importance: 0 })).toBe('tea tea tea')
    expect(await order({ relevance: 0, recency: 0, importance: 1 })).toBe('a cup of tea in the afternoon with friends')
  })

  test('equal scores keep one order: by id', async () => {
    const caller = newCaller()
    const at = '2026-01-01T00:00:00Z'
    await rememberAll(
      caller,
      Array.from({ length: 30 }, (_, n) => ({ content: `tea ${n + 100}`, occurred_at: at })),
    )
    const first = contents(await search(memory.app, caller, { query: 'tea', top_k: 30 }))
    expect(first).toEqual([...first].sort())
    expect(contents(await search(memory.app, caller, { query: 'tea', top_k: 10 }))).toEqual(first.slice(0, 10))
  })

  test('what was seen again counts more', async () => {
    const caller = newCaller()
    const occurred_at = '2026-01-01T00:00:00Z'
    await remember(memory.app, caller, { content: 'green tea', occurred_at })
    await remember(memory.app, caller, { content: 'black tea', occurred_at })
    await remember(memory.app, caller, { content: 'black tea', occurred_at })
    expect(contents(await search(memory.app, caller, { query: 'tea' }))[0]).toBe('black tea')
  })
})

describe('scopes and filters', () => {
  const items = [
    { content: 'tea one', thread_id: 't1', topic: 'Drinks', tags: ['Hot', 'leaf'], role: 'user', speaker: 'Ada' },
    {
      content: 'tea two',
      thread_id: 't2',
      topic: 'drinks',
      tier: 'long_term',
      metadata: { a: { b: [1, { c: null }] } },
    },
    { content: 'tea three', category: 'Food', occurred_at: '2025-01-01T00:00:00Z', metadata: { a: 1 } },
  ]

  test.each([
    ['the thread', { thread_id: 't1' }, ['tea one']],
    ['the topic, whatever its case', { topic: 'DRINKS' }, ['tea one', 'tea two']],
    ['the subject', {}, ['tea one', 'tea three', 'tea two']],
    ['tags', { filters: { tags: ['hot', 'LEAF'] } }, ['tea one']],
    ['role', { filters: { role: 'user' } }, ['tea one']],
    ['speaker', { filters: { speaker: 'ada' } }, ['tea one']],
    ['category', { filters: { category: 'food' } }, ['tea three']],
    ['tier', { filters: { tier: 'long_term' } }, ['tea two']],
    ['time', { filters: { before: '2025-06-01T00:00:00Z' } }, ['tea three']],
    ['metadata inside arrays and objects', { filters: { metadata: { a: { b: [{ c: null }] } } } }, ['tea two']],
    ['metadata by value', { filters: { metadata: { a: 1 } } }, ['tea three']],
    [
      'a thread without memories, falling back',
      { thread_id: 'none', fallback: ['subject'] },
      ['tea one', 'tea three', 'tea two'],
    ],
  ])('searches by %s', async (_, request, expected) => {
    const caller = newCaller()
    await rememberAll(caller, items)
    const found = await search(memory.app, caller, { query: 'tea', ...request })
    expect(contents(found).sort()).toEqual(expected)
  })

  test('says which scope answered', async () => {
    const caller = newCaller()
    await rememberAll(caller, items)
    const found = await search(memory.app, caller, {
      query: 'tea',
      thread_id: 'none',
      topic: 'drinks',
      fallback: ['topic', 'subject'],
    })
    expect(found.body).toMatchObject({ scope_used: 'topic', searched: 2 })
  })

  test.each([
    { scope: 'thread' },
    { scope: 'topic' },
    { scope: 'galaxy' },
    { scope: 'namespace' },
    { scope: 'namespace', namespace: 'work', subject_id: 'ada' },
    { scope: 'global', subject_id: 'ada', fallback: ['namespace'] },
    { weights: { recency_half_life_days: 0 } },
    { weights: { context: -1 } },
    { query: Array.from({ length: 33 }, (_, at) => `-w${at}`).join(' ') },
    { top_k: 0 },
    { top_k: 101 },
    { weights: { relevance: -1 } },
    { weights: { luck: 1 } },
    { query: 'x'.repeat(10_001) },
    { filters: { tags: [] } },
    { filters: { unknown: 1 } },
  ])('refuses %j', async (request) => {
    expect((await search(memory.app, newCaller(), request)).status).toBe(400)
  })
})

describe('a conversation', () => {
  const said = (content: string, minute: number, more: object = {}) => {
    return { content, occurred_at: new Date(Date.UTC(2026, 0, 1, 12, minute)).toISOString(), thread_id: 't', ...more }
  }
  const turns = [
    said('When does your train to Lisbon leave?', 1, { speaker: 'Ada' }),
    said('At nine, from platform four.', 2, { speaker: 'Bob' }),
    said('Then I will wake you.', 3, { speaker: 'Ada' }),
    said('Thanks, good night.', 4, { speaker: 'Bob' }),
    said('The soup was too salty.', 5, { speaker: 'Ada' }),
    said('Nobody else speaks here.', 2, { thread_id: 'other' }),
  ]
  const asked = { query: 'train Lisbon', explain: true, weights: { recency: 0, importance: 0 } }

  test('lends some of the score of a question to the answer, which has none of its words', async () => {
    const caller = newCaller()
    await rememberAll(caller, turns)
    const found = await search(memory.app, caller, asked)
    expect(contents(found)).toEqual(turns.slice(0, 3).map(({ content }) => content))
    const [question, answer, next] = found.body.results
    const { value: relevance } = question!.explanation!.relevance
    expect(answer!.explanation!.relevance.value).toBe(0)
    expect(answer!.explanation!.context).toMatchObject({
      weight: 0.8,
      neighbours: [{ id: question!.memory.id, distance: -1 }],
    })
    // 0.8 and 0.4 of the question beside it and next but one, and 0.3 of it for all of the conversation.
    expect(answer!.explanation!.context.value).toBeCloseTo(1.1 * relevance, 9)
    expect(next!.explanation!.context.value).toBeCloseTo(0.7 * relevance, 9)
    expect(question!.explanation!.context).toMatchObject({ neighbours: [] })
    expect(question!.explanation!.context.value).toBeCloseTo(0.3 * relevance, 9)
  })

  test('counts for nothing when its weight is 0', async () => {
    const caller = newCaller()
    await rememberAll(caller, turns)
    const found = await search(memory.app, caller, { ...asked, weights: { context: 0 } })
    expect(contents(found)).toEqual([turns[0]!.content])
    expect(found.body.results[0]!.explanation!.context).toMatchObject({ value: 0, weight: 0, contribution: 0 })
  })

  test('is of one session, where sessions are told apart, and of what the filters admit', async () => {
    const caller = newCaller()
    await rememberAll(
      caller,
      turns.map((turn, at) => ({ ...turn, session_id: at === 0 ? 's1' : 's2' })),
    )
    expect(contents(await search(memory.app, caller, asked))).toEqual([turns[0]!.content])
    const another = newCaller()
    await rememberAll(another, turns)
    const ofAda = await search(memory.app, another, { ...asked, filters: { speaker: 'ada' } })
    expect(contents(ofAda)).toEqual([turns[0], turns[2], turns[4]].map((turn) => turn!.content))
  })

  test('of memories that the caller may not see lends nothing', async () => {
    const caller = newCaller()
    await rememberAll(
      caller,
      turns.map((turn, at) => ({ ...turn, namespace: at === 0 ? 'secret' : 'open' })),
    )
    const limited = { ...caller, namespaces: ['open'] }
    expect((await search(memory.app, limited, asked)).body.results).toEqual([])
    expect(contents(await search(memory.app, caller, { ...asked, namespace: 'open' }))).toEqual([])
  })

  test('whose speaker the query names has more of it', async () => {
    const caller = newCaller()
    await rememberAll(caller, [
      { content: 'I like green tea', speaker: 'Ada Byron', occurred_at: '2026-01-01T00:00:00Z' },
      {
        content: 'I like green tea',
        speaker: 'Bob Marsh',
        occurred_at: '2026-01-01T00:00:00Z',
        on_duplicate: 'create',
      },
    ])
    const found = await search(memory.app, caller, { query: 'what tea does Bob like?', explain: true })
    const [first, second] = found.body.results
    expect([first!.memory.speaker, second!.memory.speaker]).toEqual(['Bob Marsh', 'Ada Byron'])
    expect(first!.explanation!.context.value).toBeCloseTo(0.3 * first!.explanation!.relevance.value, 9)
    expect(second!.explanation!.context.value).toBe(0)
  })
})

describe('the words of a query', () => {
  const items = [
    { content: 'Green tea with milk, memorised at school' },
    { content: 'Milk in the green cup of tea, and memories' },
    { content: 'A memorandum about coffee', tags: ['green tea'] },
    { content: 'Black tea' },
  ]
  const [first, second, third, last] = items.map(({ content }) => content)

  test.each([
    ['"green tea"', [first, third]],
    ['"Green teas" memor*', [first, third]],
    ['tea -"green tea"', [last, second]],
    ['tea -milk', [last, third]],
    ['-milk', [last, third]],
    ['memor*', [first, second, third]],
    ['coff* black', [last, third]],
    ['tea -memor*', [last]],
    ['"tea" -"black"', [first, second, third]],
    ['"green tea" "coffee"', [third]],
    ['"tea green"', []],
    ['-tea -coffee', []],
    ['"with milk" -school', []],
  ])('%s', async (query, expected) => {
    const caller = newCaller()
    await rememberAll(caller, items)
    expect(contents(await search(memory.app, caller, { query })).sort()).toEqual([...expected].sort())
  })

  const said = [
    { content: 'She was running' },
    { content: 'Two runs a day, and a run at night' },
    { content: 'Rélational dâtabases', tags: ['Hoping'] },
    { content: 'Two relations, and hope' },
    { content: 'Passing through' },
    { content: 'They pass by', topic: 'Organization chart' },
    { content: 'The organs are studied' },
    { content: 'Let us go, but not by day' },
  ]

  test.each([
    ['runn*', [0]],
    ['RUNNI*', [0]],
    ['run*', [0, 1]],
    ['running*', [0, 1]],
    ['relati*', [2, 3]],
    ['rélationa*', [2]],
    ['hopin*', [2]],
    ['passi*', [4]],
    ['organizati*', [5]],
    ['organizatio* passin*', [4, 5]],
    ['studi*', [6]],
    ['studie*', [6]],
    ['studyi*', []],
    ['lett*', []],
    ['butt*', []],
    ['-runn*', [1, 2, 3, 4, 5, 6, 7]],
    ['run -runn*', [1]],
    ['-relati* -organiz*', [0, 1, 4, 6, 7]],
    ['-lett* -butt* go', [7]],
    ['day -lett*', [1, 7]],
    ['-rèlationa* hope', [3]],
    ['"a run" runn*', [1]],
  ])('are known by their beginnings, whatever their stems: %s', async (query, expected) => {
    const caller = newCaller()
    await rememberAll(caller, said)
    const texts = expected.map((at) => said[at]!.content)
    const weights = { context: 0 }
    for (const top_k of [1, 10]) {
      const { body } = await search(memory.app, caller, { query, top_k, weights })
      expect(body.results).toHaveLength(Math.min(top_k, texts.length))
      for (const { memory: found } of body.results) expect(texts).toContain(found.content)
      expect(body.truncated).toBe(false)
    }
  })

  test('weigh by their beginnings as they are in the text', async () => {
    const caller = newCaller()
    await rememberAll(caller, [
      { content: 'running, running and a run' },
      { content: 'a run to the runner' },
      { content: 'a run' },
    ])
    const { body } = await search(memory.app, caller, { query: 'runn* run', explain: true })
    const terms = body.results.map(({ explanation }) =>
      explanation!.relevance.terms.map(({ term, frequency }) => [term, frequency]),
    )
    expect(terms).toEqual([
      [
        ['run', 3],
        ['runn*', 2],
      ],
      [
        ['run', 1],
        ['runn*', 1],
      ],
      [['run', 1]],
    ])
  })

  test('are looked for by their beginnings in the texts of a thousand memories at most, and the answer says so', async () => {
    const caller = newCaller()
    const texts = Array.from({ length: 2000 }, (_, at) =>
      at % 4 === 0 ? `running ${at}` : at % 2 === 0 ? `walk ${at}` : `run ${at}`,
    )
    const items = texts.map((content, at) => {
      return {
        content: `${content} ${at < 1000 ? 'old' : ''}`,
        subject_id: 's',
        occurred_at: new Date(at * 1000).toISOString(),
      }
    })
    for (let at = 0; at < items.length; at += 500)
      await call(memory.app, caller, 'POST', '/v1/memories/batch', { items: items.slice(at, at + 500) })
    const about = (query: string) => search(memory.app, caller, { query, subject_id: 's', top_k: 100 })
    const all = await about('runn*')
    expect(all.body.truncated).toBe(true)
    expect(all.body.results).toHaveLength(100)
    for (const content of contents(all)) expect(content).toMatch(/^running/)
    const old = await about('run -runn* "old"')
    expect(old.body).toMatchObject({ searched: 750, truncated: false })
    for (const content of contents(old)) expect(content).toMatch(/^run \d/)
    for (const query of ['-runn*', 'old -runn*']) {
      const others = await about(query)
      expect(others.body.results).toHaveLength(100)
      for (const content of contents(others)) expect(content).not.toMatch(/^running/)
    }
    expect((await about('walki*')).body).toMatchObject({ results: [], truncated: false })
  })

  test('in their order are looked for in a thousand memories at most, and the answer says so', async () => {
    const caller = newCaller()
    await rememberAll(
      caller,
      Array.from({ length: 1100 }, (_, at) => ({ content: at === 0 ? `tea green` : `green tea ${at}` })),
    )
    const enough = await search(memory.app, caller, { query: '"tea green"', top_k: 1 })
    expect(enough.body).toMatchObject({ searched: 1100, truncated: false })
    expect(contents(enough)).toEqual(['tea green'])
    const fewer = await search(memory.app, caller, { query: '"tea green"' })
    expect(contents(fewer)).toEqual(['tea green'])
    expect(fewer.body.truncated).toBe(true)
    expect((await search(memory.app, caller, { query: '"tea 7"' })).body.truncated).toBe(false)
  })
})

test.each([
  ['Chinese', '王芳喜欢什么茶？', '王芳每天早上都喝绿茶。', ['李明昨天去了北京。', '会议改到星期五。']],
  [
    'Japanese',
    '田中さんの好きな飲み物は何ですか',
    '田中さんはコーヒーより緑茶が好きです。',
    ['会議は金曜日に変わりました。', '猫が庭で寝ている。'],
  ],
  [
    'Korean',
    '민수가 좋아하는 차는 무엇입니까?',
    '민수는 녹차를 매일 아침 마신다.',
    ['회의가 금요일로 바뀌었다.', '고양이가 정원에서 잔다.'],
  ],
  ['Thai', 'สมชายชอบดื่มกาแฟอะไร', 'สมชายดื่มกาแฟเย็นทุกเช้า', ['การประชุมเลื่อนไปวันศุกร์', 'แมวนอนในสวน']],
  [
    'Russian',
    'Какой чай пьёт Анна?',
    'Анна каждое утро пьет зелёный чай.',
    ['Встреча перенесена на пятницу.', 'Кошка спит в саду.'],
  ],
  ['Khmer', 'សុខាចូលចិត្តកាហ្វេអ្វី', 'សុខាផឹកកាហ្វេរាល់ព្រឹក', ['ការប្រជុំត្រូវបានលើកទៅថ្ងៃសុក្រ']],
])('texts in %s are found by natural questions', async (_, query, wanted, others) => {
  const caller = newCaller()
  await rememberAll(
    caller,
    [...others, wanted].map((content) => ({ content, occurred_at: '2026-01-01T00:00:00Z' })),
  )
  expect(contents(await search(memory.app, caller, { query }))[0]).toBe(wanted)
})

describe('searches of many subjects', () => {
  async function rememberEverywhere(caller: Caller): Promise<void> {
    for (const [at, subject_id] of ['ada', 'bob', 'eve', 'kim'].entries()) {
      await rememberAll(caller, [
        { content: `tea of ${subject_id}`, subject_id, namespace: 'work' },
        { content: `tea at home of ${subject_id}`, subject_id, namespace: at === 3 ? 'cellar' : 'home' },
      ])
    }
  }
  const inWork = { query: 'tea', scope: 'namespace', namespace: 'work' }

  test('look at a namespace of all of them, and say how many there were', async () => {
    const caller = newCaller()
    await rememberEverywhere(caller)
    await rememberEverywhere(newCaller())
    const found = await search(memory.app, caller, inWork)
    expect(contents(found).sort()).toEqual(['tea of ada', 'tea of bob', 'tea of eve', 'tea of kim'])
    expect(found.body).toMatchObject({ scope_used: 'namespace', searched: 4, searched_subjects: 4, truncated: false })
    const best = await search(memory.app, caller, { ...inWork, top_k: 2 })
    expect(best.body.results.map(({ memory: { id } }) => id)).toEqual(
      found.body.results.slice(0, 2).map(({ memory: { id } }) => id),
    )
  })

  test('see only the subjects and namespaces of a limited caller', async () => {
    const caller = newCaller()
    await rememberEverywhere(caller)
    const limited = newCaller({ tenantId: caller.tenantId, subjects: ['ada', 'eve'], permissions: ['memories:read'] })
    const found = await search(memory.app, limited, inWork)
    expect(contents(found).sort()).toEqual(['tea of ada', 'tea of eve'])
    expect(found.body.searched_subjects).toBe(2)
    const elsewhere = await search(memory.app, { ...limited, namespaces: ['home'] }, inWork)
    expect([elsewhere.status, elsewhere.body]).toMatchObject([403, { code: 'namespace_not_allowed' }])
    const nobody = await search(memory.app, { ...limited, subjects: [] }, inWork)
    expect(nobody.body).toMatchObject({ results: [], searched: 0, searched_subjects: 0 })
  })

  test('are bounded: those that changed last are looked at, and the answer says that there are more', async () => {
    const caller = newCaller()
    const { app } = await memory.startAnother({ SEARCH_SUBJECTS: '2' })
    await rememberEverywhere(caller)
    const found = await search(app, caller, inWork)
    expect(contents(found).sort()).toEqual(['tea of eve', 'tea of kim'])
    expect(found.body).toMatchObject({ searched: 2, searched_subjects: 2, truncated: true })
    await remember(app, caller, { content: 'one more', subject_id: 'ada', namespace: 'work' })
    expect(contents(await search(app, caller, inWork)).sort()).toEqual(['tea of ada', 'tea of kim'])
    const [ofEve] = (await search(app, caller, { query: 'tea', subject_id: 'eve' })).body.results
    await call(app, caller, 'DELETE', `/v1/memories/${ofEve!.memory.id}`)
    expect((await search(app, caller, inWork)).body.searched_subjects).toBe(2)
  })

  test('come after those of one subject when these find nothing', async () => {
    const caller = newCaller()
    await rememberEverywhere(caller)
    const body = { query: 'kim', subject_id: 'ada', namespace: 'work', fallback: ['namespace'] }
    const found = await search(memory.app, caller, body)
    expect(found.body).toMatchObject({ scope_used: 'namespace', searched_subjects: 4 })
    expect(contents(found)).toEqual(['tea of kim'])
  })

  test('of everything are refused unless they are switched on, to administrators only', async () => {
    const caller = newCaller()
    await rememberEverywhere(caller)
    await rememberEverywhere(newCaller())
    const { app } = await memory.startAnother({ SEARCH_GLOBAL: 'true' })
    const everywhere = { query: 'tea', scope: 'global' }
    const reader = newCaller({ tenantId: caller.tenantId, permissions: ['memories:read'] })
    const codes = [
      await search(memory.app, caller, everywhere),
      await search(memory.app, caller, { query: 'none', fallback: ['global'] }),
      await search(app, reader, everywhere),
      await search(app, reader, { query: 'tea', subject_id: 'ada', fallback: ['global'] }),
    ].map(({ status, body }) => [status, (body as unknown as { code: string }).code])
    expect(codes).toEqual([
      [403, 'global_search_off'],
      [403, 'global_search_off'],
      [403, 'permission_denied'],
      [403, 'permission_denied'],
    ])
    const found = await search(app, caller, everywhere)
    expect(found.body).toMatchObject({ scope_used: 'global', searched: 8, searched_subjects: 4, truncated: false })
    const limited = { ...caller, subjects: ['bob'], namespaces: ['home', 'work'] }
    expect(contents(await search(app, limited, everywhere)).sort()).toEqual(['tea at home of bob', 'tea of bob'])
    expect((await search(app, caller, { ...everywhere, namespace: 'cellar' })).body.searched).toBe(1)
  })
})

describe('what nobody should send', () => {
  const deep = (levels: number, leaf: unknown = 1): object => {
    return Array.from({ length: levels }).reduce<object>((inner) => ({ deep: inner }), { leaf })
  }

  test('metadata forty levels deep are refused in writes and filters, and change nothing', async () => {
    const caller = newCaller()
    for (const answer of [
      await remember(memory.app, caller, { content: 'tea', metadata: deep(40) }),
      await search(memory.app, caller, { query: 'tea', filters: { metadata: deep(40) } }),
    ]) {
      expect([answer.status, (answer.body as unknown as { code: string }).code]).toEqual([400, 'malformed_json'])
    }
    expect((await search(memory.app, caller, {})).body.searched).toBe(0)
  })

  test('metadata as deep as they may be are found', async () => {
    const caller = newCaller()
    await remember(memory.app, caller, { content: 'tea', metadata: deep(28, [null, false, 0, '']) })
    for (const leaf of [[], [null], [false, ''], 1]) {
      const found = await search(memory.app, caller, { filters: { metadata: deep(28, leaf) } })
      expect(contents(found)).toEqual(leaf === 1 ? [] : ['tea'])
    }
  })

  test.each([
    ['a thousand different words', Array.from({ length: 1000 }, (_, at) => `w${at}`).join(' ')],
    ['ten thousand letters', 'tea '.repeat(2500)],
    ['stop words', 'the of and to '.repeat(700)],
    ['control characters', '\u0001\u0002\u001f'.repeat(3333)],
    ['punctuation', '?!*-"'.repeat(2000)],
    ['one word', 'x'.repeat(10_000)],
    ['Thai', 'กาแฟเย็น'.repeat(1250)],
    ['Chinese', '绿茶好喝'.repeat(2500)],
    ['half characters', '\ud800'.repeat(10)],
  ])('a query of %s is answered soon, or refused', async (_, query) => {
    const caller = newCaller()
    await rememberAll(
      caller,
      Array.from({ length: 500 }, (__, at) => ({ content: `w${at} w${at + 1} tea the of 绿茶 กาแฟ`, thread_id: 't' })),
    )
    await search(memory.app, caller, { query: 'tea' })
    const start = performance.now()
    const { status } = await search(memory.app, caller, { query })
    expect(performance.now() - start).toBeLessThan(1000)
    expect([200, 400]).toContain(status)
  })
})

test('searches of nothing, of stop words and of control characters are answered', async () => {
  const caller = newCaller()
  await remember(memory.app, caller, { content: 'the who' })
  for (const query of ['', '   ', '\u0001\u0002', '???', 'x'.repeat(10_000)]) {
    expect((await search(memory.app, caller, { query })).status).toBe(200)
  }
  expect(contents(await search(memory.app, caller, { query: 'the who' }))).toEqual(['the who'])
  expect((await search(memory.app, newCaller(), { query: 'x' })).body).toEqual({
    results: [],
    scope_used: 'subject',
    searched: 0,
    searched_subjects: 1,
    truncated: false,
  })
})
