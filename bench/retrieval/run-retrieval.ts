import type { StoredConversation, ConversationStore } from './conversation-store.ts'
import type { Ranking } from './rankings.ts'
import type { QuestionedConversation } from './read-conversation-set.ts'
import type { Question } from './read-questions.ts'

export interface AnsweredQuestion extends Question {
  readonly conversation: string
  /** Ids of the ten best turns, best first. */
  readonly found: readonly string[]
}

export interface RankingResult {
  readonly ranking: Ranking
  readonly answers: readonly AnsweredQuestion[]
}

/** Stores every conversation, asks every question in every way, and gives what was found. */
export async function runRetrieval(
  set: readonly QuestionedConversation[],
  rankings: readonly Ranking[],
  store: ConversationStore,
  say: (line: string) => void,
): Promise<RankingResult[]> {
  const stored: [QuestionedConversation, StoredConversation][] = []
  for (const entry of set) stored.push([entry, await store.store(entry.conversation)])
  const results: RankingResult[] = []
  for (const ranking of rankings) {
    say(`Asking: ${ranking.title}`)
    const answers: AnsweredQuestion[] = []
    for (const [entry, place] of stored) answers.push(...(await askAll(entry, place, ranking)))
    results.push({ ranking, answers })
  }
  return results
}

async function askAll(
  { conversation, questions }: QuestionedConversation,
  place: StoredConversation,
  ranking: Ranking,
): Promise<AnsweredQuestion[]> {
  const answers: AnsweredQuestion[] = []
  for (const question of questions) {
    answers.push({ ...question, conversation: conversation.name, found: await place.search(question.text, ranking) })
  }
  return answers
}
