import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Account, PASSWORD } from './accounts.ts'
import type { Stack } from './use-stack.ts'

export interface PlantingGround {
  readonly stack: Stack
  readonly account: Account
  /** A memory of the subject. */
  readonly memoryId: string
}

/** A place where a caller may say something private, and a way to put a word there. */
export interface PlantedField {
  readonly name: string
  readonly plant: (ground: PlantingGround, word: string) => Promise<unknown>
}

/** Whose memories they are. Readable, so it says nothing. */
export const SUBJECT = 'subject-of-planting'

type Body = Readonly<Record<string, unknown>>

const post =
  (body: (word: string) => Body, headers: (word: string) => Record<string, string> = () => ({})) =>
  ({ stack, account }: PlantingGround, word: string) =>
    stack.api.ok('createMemory', account.key, {
      body: { content: 'nothing private', on_duplicate: 'create', subject_id: SUBJECT, ...body(word) },
      headers: headers(word),
    })

const patch =
  (body: (word: string) => Body) =>
  ({ stack, account, memoryId }: PlantingGround, word: string) =>
    stack.api.ok('updateMemory', account.key, { params: { id: memoryId }, body: body(word) })

const handedOver =
  (body: (word: string) => Body) =>
  ({ stack, account }: PlantingGround, word: string) =>
    stack.api.ok('createHandoff', account.key, {
      body: { session_id: randomUUID(), with_whom: 'somebody', remember: 'tea', subject_id: SUBJECT, ...body(word) },
    })

const refused =
  (path: string, body: (word: string) => string, headers: (word: string) => Record<string, string> = () => ({})) =>
  async ({ stack, account }: PlantingGround, word: string) => {
    const json = { 'content-type': 'application/json' }
    const request = { method: 'POST', path, headers: { ...json, ...headers(word) }, body: body(word) }
    const { status, text } = await stack.api.raw(request, account.key)
    if (status < 400 || status >= 500) throw new Error(`${path} answered ${status}: ${text}`)
  }

/** What the memory service is told, and what comes with it on the way. A new private field gets a line here. */
export const PLANTED_FIELDS: readonly PlantedField[] = [
  { name: 'content', plant: post((word) => ({ content: word })) },
  {
    name: 'content of a duplicate',
    plant: (ground, word) =>
      twice(
        post((text) => ({ content: text, on_duplicate: 'reinforce' })),
        ground,
        word,
      ),
  },
  { name: 'role', plant: post((word) => ({ role: word })) },
  { name: 'speaker', plant: post((word) => ({ speaker: word })) },
  { name: 'topic', plant: post((word) => ({ topic: word })) },
  { name: 'category', plant: post((word) => ({ category: word })) },
  { name: 'entities', plant: post((word) => ({ entities: ['one', word] })) },
  { name: 'tags', plant: post((word) => ({ tags: ['one', word] })) },
  { name: 'metadata value', plant: post((word) => ({ metadata: { a: [{ b: word }] } })) },
  { name: 'metadata key', plant: post((word) => ({ metadata: { [word]: { [word]: 1 } } })) },
  { name: 'a long text', plant: post((word) => ({ content: `${word} `.repeat(1000) })) },
  { name: 'what expires', plant: post((word) => ({ content: word, ttl_seconds: 1 })) },
  { name: 'person of a handoff', plant: handedOver((word) => ({ with_whom: word })) },
  {
    name: 'parts of a handoff',
    plant: handedOver((word) => ({
      experienced: word,
      noticed: word,
      learned: word,
      story: word,
      becoming: word,
      remember: word,
      tags: [word],
    })),
  },
  { name: 'corrected handoff', plant: corrected },
  { name: 'parts of a knowledge note', plant: known },
  { name: 'parts of a decision', plant: decided },
  { name: 'parts of a task', plant: planned },
  {
    name: 'names of a person',
    plant: ({ stack, account }, word) =>
      stack.api.ok('putPerson', account.key, {
        body: { name: word, aliases: [`${word} the second`], subject_id: SUBJECT },
      }),
  },
  { name: 'title of a thread', plant: titled },
  { name: 'what a cluster and a context are about', plant: clustered },
  {
    name: 'properties of an edge',
    plant: async ({ stack, account, memoryId }, word) => {
      const body = { content: `linked ${randomUUID()}`, subject_id: SUBJECT }
      const { id } = await stack.api.ok('createMemory', account.key, { body })
      const link = { from: memoryId, to: id, type: 'supports', properties: { [word]: word } }
      await stack.api.ok('createEdge', account.key, { body: link })
      await stack.api.ok('traverseEdges', account.key, { body: { from: memoryId } })
    },
  },
  { name: 'what is reflected and merged', plant: reflected },
  {
    name: 'reasons of an edit',
    plant: async ({ stack, account, memoryId }, word) => {
      const body = { memory_id: memoryId, operation: 'attenuate', factor: 0.9, reason: word }
      const { id } = await stack.api.ok('proposeEdit', account.key, { body })
      await stack.api.ok('approveEdit', account.key, { params: { id }, body: { reason: word } })
      await stack.api.ok('undoEdit', account.key, { params: { id }, body: { reason: word } })
    },
  },
  {
    name: 'name and note of a capsule',
    plant: ({ stack, account, memoryId }, word) =>
      stack.api.ok('createCapsule', account.key, {
        body: {
          name: word,
          note: word,
          memory_ids: [memoryId],
          audience: [`user:${randomUUID()}`],
          expires_in_days: 1,
        },
      }),
  },
  {
    name: 'evidence of a consent',
    plant: ({ stack, account }, word) =>
      stack.api.ok('putConsent', account.key, {
        params: { id: SUBJECT },
        body: { purpose: 'newsletter', status: 'granted', evidence: { [word]: word } },
      }),
  },
  {
    name: 'rules of a policy',
    plant: ({ stack, account }, word) => {
      const rules = [{ rule: 'topic_boost', topic: word, amount: 0.1 }]
      return stack.api.ok('putPolicy', account.key, { body: { policy: { scoring: { rules } } } })
    },
  },
  {
    name: 'person of a wake-up',
    plant: ({ stack, account }, word) =>
      stack.api.ok('wakeUp', account.key, { body: { with_whom: word, subject_id: SUBJECT } }),
  },
  {
    name: 'person in a query',
    plant: ({ stack, account }, word) =>
      stack.api.ok('listHandoffs', account.key, { query: { with_whom: word, subject_id: SUBJECT } }),
  },
  {
    name: 'Idempotency-Key',
    plant: post(
      () => ({}),
      (word) => ({ 'idempotency-key': word }),
    ),
  },
  {
    name: 'content under a key',
    plant: (ground, word) =>
      twice(
        post(
          (text) => ({ content: text }),
          () => ({ 'idempotency-key': 'a key' }),
        ),
        ground,
        word,
      ),
  },
  { name: 'content of a batch', plant: batch },
  { name: 'an export', plant: exported },
  { name: 'changed content', plant: patch((word) => ({ content: word })) },
  { name: 'changed labels', plant: patch((word) => ({ topic: word, tags: [word], metadata: { a: word } })) },
  {
    name: 'what a change replaced',
    plant: patch(() => ({ content: 'nothing private any more', topic: null, tags: [], metadata: {} })),
  },
  { name: 'what was deleted', plant: deleted },
  { name: 'query', plant: searched((word) => ({ query: `"${word}" ${word}` })) },
  {
    name: 'filters',
    plant: searched((word) => ({
      query: 'x',
      topic: word,
      scope: 'topic',
      filters: { tags: [word], speaker: word, metadata: { [word]: word } },
    })),
  },
  { name: 'unknown field', plant: refused('/v1/memories', (word) => JSON.stringify({ content: 'x', [word]: word })) },
  {
    name: 'wrong type',
    plant: refused('/v1/memories', (word) => JSON.stringify({ content: { [word]: word }, tier: word })),
  },
  { name: 'body that is no JSON', plant: refused('/v1/memories', (word) => `{"content":"${word}`) },
  {
    name: 'body of another type',
    plant: refused(
      '/v1/memories',
      (word) => word,
      () => ({ 'content-type': 'text/plain' }),
    ),
  },
  { name: 'refused item of a batch', plant: batchRefused },
  {
    name: 'refused query',
    plant: refused('/v1/memories/search', (word) => JSON.stringify({ query: word, scope: word })),
  },
  {
    name: 'another request under a key',
    plant: refused(
      '/v1/memories',
      (word) => JSON.stringify({ content: word }),
      () => ({ 'idempotency-key': 'a key' }),
    ),
  },
  {
    name: 'query string',
    plant: ({ stack, account }, word) =>
      stack.api.raw({ method: 'GET', path: `/v1/memories?tier=${word}&${word}=1` }, account.key),
  },
  {
    name: 'address that is none',
    plant: ({ stack, account }, word) => stack.api.raw({ method: 'GET', path: `/v1/memories/${word}` }, account.key),
  },
  {
    name: 'user agent',
    plant: post(
      () => ({}),
      (word) => ({ 'user-agent': word }),
    ),
  },
  {
    name: 'header that nobody asked for',
    plant: post(
      () => ({}),
      (word) => ({ 'x-request-id': word, referer: word }),
    ),
  },
  {
    name: 'e-mail and name',
    plant: registered((word) => ({ email: `${word}@example.org`, tenant_name: word, display_name: word })),
  },
  { name: 'password', plant: registered((word) => ({ password: `${word} horse battery staple` })) },
  {
    name: 'e-mail and password of a failed sign-in',
    plant: ({ stack }, word) =>
      stack.api.call('login', null, { body: { email: `${word}@example.org`, password: word } }),
  },
]

async function known({ stack, account }: PlantingGround, word: string): Promise<void> {
  const words = { title: word, content: word, topic: word, category: word, with_whom: word, tags: [word] }
  const { id } = await stack.api.ok('createKnowledge', account.key, { body: { ...words, subject_id: SUBJECT } })
  const params = { id }
  await stack.api.ok('updateKnowledge', account.key, { params, body: { content: `${word} and more` } })
  await stack.api.ok('supersedeKnowledge', account.key, { params, body: words })
}

async function decided({ stack, account }: PlantingGround, word: string): Promise<void> {
  const words = { decision: word, scope: word, with_whom: word, tags: [word] }
  const points = { rationale: [word], constraints: [word], alternatives: [word], consequences: [word] }
  const body = { ...words, ...points, references: [word], subject_id: SUBJECT }
  await stack.api.ok('createDecision', account.key, { body })
}

async function planned({ stack, account }: PlantingGround, word: string): Promise<void> {
  const body = { title: word, description: word, with_whom: word, tags: [word], subject_id: SUBJECT }
  const { id } = await stack.api.ok('createTask', account.key, { body })
  const params = { id }
  await stack.api.ok('claimTask', account.key, { params, body: {} })
  await stack.api.ok('completeTask', account.key, { params, body: { result: word } })
}

async function titled({ stack, account }: PlantingGround, word: string): Promise<void> {
  const params = { id: randomUUID() }
  const query = { subject_id: SUBJECT }
  const body = { content: `one of a thread ${params.id}`, thread_id: params.id, ...query }
  await stack.api.ok('createMemory', account.key, { body })
  await stack.api.ok('updateThread', account.key, { params, body: { title: word, ...query } })
  await stack.api.ok('getThread', account.key, { params, query })
}

async function clustered({ stack, account }: PlantingGround, word: string): Promise<void> {
  const about = { topic: word, category: word, subject_id: SUBJECT, thread_id: randomUUID() }
  for (const content of [`${word} and one`, `${word} and two`]) {
    await stack.api.ok('createMemory', account.key, { body: { content, ...about } })
  }
  await stack.api.ok('listClusters', account.key, { query: { subject_id: SUBJECT, topic: word } })
  const { subject_id, thread_id } = about
  await stack.api.ok('makeContext', account.key, { body: { query: word, subject_id, thread_id } })
  await stack.api.ok('summariseThread', account.key, { params: { id: thread_id }, query: { subject_id } })
}

/** What happened on days that are over, so that a consolidation tells it again. */
async function reflected({ stack, account }: PlantingGround, word: string): Promise<void> {
  const ids: string[] = []
  for (const day of [1, 2, 3]) {
    const occurred_at = new Date(Date.now() - (day + 7) * 86_400_000).toISOString()
    const body = { session_id: randomUUID(), with_whom: word, learned: `${word} is to be asked`, subject_id: SUBJECT }
    await stack.api.ok('createHandoff', account.key, { body: { ...body, occurred_at } })
    const said = { content: `${word} said ${day}`, speaker: word, subject_id: SUBJECT, occurred_at }
    ids.push((await stack.api.ok('createMemory', account.key, { body: said })).id)
  }
  const body = { period: 'monthly', subject_id: SUBJECT }
  await stack.api.ok('consolidate', account.key, { body })
  await stack.api.ok('mergeMemories', account.key, { params: { id: ids[0] ?? '' }, body: { sources: ids.slice(1) } })
}

async function twice(plant: PlantedField['plant'], ground: PlantingGround, word: string): Promise<void> {
  await plant(ground, word)
  await plant(ground, word)
}

async function corrected({ stack, account }: PlantingGround, word: string): Promise<void> {
  const body = { session_id: randomUUID(), with_whom: 'somebody', subject_id: SUBJECT }
  await stack.api.ok('createHandoff', account.key, { body: { ...body, learned: word } })
  await stack.api.ok('createHandoff', account.key, { body: { ...body, learned: 'another thing' } })
}

async function batch({ stack, account }: PlantingGround, word: string): Promise<void> {
  const items = Array.from({ length: 300 }, (_, at) => ({
    content: `${word} ${at}`,
    subject_id: SUBJECT,
    tags: [word],
  }))
  await stack.api.ok('createMemories', account.key, { body: { items }, headers: { 'idempotency-key': 'of a batch' } })
}

async function batchRefused({ stack, account }: PlantingGround, word: string): Promise<void> {
  const items = [{ content: 'good', subject_id: SUBJECT }, { content: 'x', [word]: word }, word, { tags: word }]
  await stack.api.ok('createMemories', account.key, {
    body: { items },
    headers: { 'idempotency-key': 'of a bad batch' },
  })
}

async function deleted({ stack, account }: PlantingGround, word: string): Promise<void> {
  const body = { content: word, subject_id: SUBJECT }
  const { id } = await stack.api.ok('createMemory', account.key, { body })
  await stack.api.ok('deleteMemory', account.key, { params: { id } })
}

async function exported({ stack, account }: PlantingGround, word: string): Promise<void> {
  await stack.api.ok('createMemory', account.key, { body: { content: `${word} to take along`, subject_id: SUBJECT } })
  const { id } = await stack.api.ok('startExport', account.key, { body: { subject_id: SUBJECT } })
  const isMade = async () => (await stack.api.ok('getExport', account.key, { params: { id } })).state === 'made'
  while (!(await isMade())) await sleep(100)
}

function searched(body: (word: string) => Body): PlantedField['plant'] {
  return ({ stack, account }, word) =>
    stack.api.ok('searchMemories', account.key, { body: { ...body(word), subject_id: SUBJECT, explain: true } })
}

function registered(body: (word: string) => Body): PlantedField['plant'] {
  return ({ stack }, word) => {
    const usual = { email: `${randomUUID()}@example.org`, password: PASSWORD, tenant_name: 'Planted' }
    return stack.api.ok('register', null, { body: { ...usual, ...body(word) } })
  }
}
