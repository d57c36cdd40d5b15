import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type Conversation, readConversation } from './read-conversation.ts'
import { type Question, readQuestions } from './read-questions.ts'

export interface QuestionedConversation {
  readonly conversation: Conversation
  readonly questions: readonly Question[]
}

/** Reads all conversations of this folder with their questions, in the order of their names. */
export async function readConversationSet(): Promise<QuestionedConversation[]> {
  const files = await readdir(pathOf('conversations'))
  const [names, questioned] = [files.map(nameOf).sort(), (await readdir(pathOf('questions'))).map(nameOf).sort()]
  if (names.join() !== questioned.join()) throw new Error('Each conversation has a file of questions of the same name')
  return Promise.all(names.map(readQuestioned))
}

async function readQuestioned(name: string): Promise<QuestionedConversation> {
  const conversation = readConversation(name, await readFile(pathOf(`conversations/${name}.txt`), 'utf8'))
  const turns = conversation.sessions.flatMap((session) => session.turns)
  const text = await readFile(pathOf(`questions/${name}.txt`), 'utf8')
  return { conversation, questions: readQuestions(name, text, new Set(turns.map(({ id }) => id))) }
}

function pathOf(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url))
}

function nameOf(file: string): string {
  return file.replace(/\.txt$/, '')
}
