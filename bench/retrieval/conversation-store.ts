import { setTimeout as sleep } from 'node:timers/promises'
import type { CreateMemory } from '@memoric/contracts/memory-contract.ts'
import type { Conversation, Session } from './read-conversation.ts'
import type { Ranking } from './rankings.ts'

/** Keeps conversations in a running stack, each as a subject of its own. */
export interface ConversationStore {
  store: (conversation: Conversation) => Promise<StoredConversation>
}

export interface StoredConversation {
  /** Ids of the ten best turns for a question. */
  search: (query: string, ranking: Ranking) => Promise<string[]>
}

export interface ConversationStoreOptions {
  readonly url: string
  readonly apiKey: string
  readonly signal: AbortSignal
}

/** What our own server answers, as far as it is read here. */
interface BatchAnswer {
  readonly items: readonly { readonly memory?: { readonly id: string } }[]
}
interface SearchAnswer {
  readonly embeddings?: 'used' | 'unavailable'
  readonly embedded?: number
  readonly searched: number
  readonly results: readonly { readonly memory: { readonly id: string } }[]
}

/** Between two turns of a session, ms. */
const PACE = 30_000

/** How long the vectors of a conversation may take, and how often they are asked for, ms. */
const MOST_WAIT = 600_000
const POLL = 500

export function createConversationStore(options: ConversationStoreOptions): ConversationStore {
  return {
    async store(conversation) {
      const turnIds = await storeTurns(options, conversation)
      await waitForEmbeddings(options, conversation)
      return {
        async search(query, { weights }) {
          const body = { query, subject_id: conversation.name, top_k: 10, ...(weights && { weights }) }
          const { results } = (await post(options, '/v1/memories/search', body)) as SearchAnswer
          return results.flatMap(({ memory }) => turnIds.get(memory.id) ?? [])
        },
      }
    },
  }
}

/** Stores the turns and gives their ids by those of their memories. */
async function storeTurns(
  options: ConversationStoreOptions,
  conversation: Conversation,
): Promise<ReadonlyMap<string, string>> {
  const turns = conversation.sessions.flatMap((session) => session.turns)
  const { items } = (await post(options, '/v1/memories/batch', { items: memoriesOf(conversation) })) as BatchAnswer
  const turnIds = new Map<string, string>()
  for (const [at, { memory }] of items.entries()) {
    const turn = turns[at]
    if (memory !== undefined && turn !== undefined) turnIds.set(memory.id, turn.id)
  }
  if (turnIds.size !== turns.length) throw new Error(`${conversation.name} was not stored as a whole`)
  return turnIds
}

/** Where embeddings are on: until every turn has its vector. */
async function waitForEmbeddings(options: ConversationStoreOptions, { name }: Conversation): Promise<void> {
  const until = Date.now() + MOST_WAIT
  for (;;) {
    const body = { query: name, subject_id: name, top_k: 1 }
    const { embeddings, embedded, searched } = (await post(options, '/v1/memories/search', body)) as SearchAnswer
    if (embeddings === undefined || embedded === searched) return
    if (Date.now() > until) throw new Error(`${name} has no vectors: ${embedded ?? 0} of ${searched}`)
    await sleep(POLL, undefined, { signal: options.signal })
  }
}

/** The turns as an agent stores what it hears: one memory each, a thread for each session. */
export function memoriesOf(conversation: Conversation): CreateMemory[] {
  return conversation.sessions.flatMap((session, at) => memoriesOfSession(conversation.name, session, at + 1))
}

function memoriesOfSession(subject: string, { startsAt, turns }: Session, number: number): CreateMemory[] {
  return turns.map(({ speaker, text }, at) => ({
    content: text,
    subject_id: subject,
    thread_id: `${subject}-${number}`,
    role: speaker === 'Assistant' ? 'assistant' : 'user',
    speaker,
    occurred_at: new Date(startsAt.getTime() + at * PACE).toISOString(),
    on_duplicate: 'create',
  }))
}

async function post({ url, apiKey, signal }: ConversationStoreOptions, path: string, body: unknown): Promise<unknown> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': apiKey },
    body: JSON.stringify(body),
    signal,
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 300)}`)
  return JSON.parse(text)
}
