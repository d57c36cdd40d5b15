import { expect, test } from 'vitest'
import { readConversation } from '../retrieval/read-conversation.ts'
import { readConversationSet } from '../retrieval/read-conversation-set.ts'
import { QUESTION_KINDS, readQuestions } from '../retrieval/read-questions.ts'

const head = 'title: Two friends\nspeakers: Ana, Ben\n\n'
const session = '# 2026-03-02 19:10\n'

test('the set has at least 8 long conversations of many sessions, weeks apart', async () => {
  const set = await readConversationSet()
  expect(set.length).toBeGreaterThanOrEqual(8)
  for (const { conversation } of set) {
    expect(conversation.sessions.length, conversation.name).toBeGreaterThanOrEqual(8)
    expect(conversation.sessions.flatMap(({ turns }) => turns).length, conversation.name).toBeGreaterThanOrEqual(150)
    const [first, last] = [conversation.sessions[0], conversation.sessions.at(-1)]
    const days = (Number(last?.startsAt) - Number(first?.startsAt)) / 86_400_000
    expect(days / conversation.sessions.length, conversation.name).toBeGreaterThan(7)
  }
})

test('the set has at least 300 different questions, at least 40 of each kind', async () => {
  const questions = (await readConversationSet()).flatMap((entry) => entry.questions)
  const texts = questions.map(({ text }) => text.toLowerCase())
  expect(questions.length).toBeGreaterThanOrEqual(300)
  expect(texts.filter((text, at) => texts.indexOf(text) !== at)).toEqual([])
  for (const kind of QUESTION_KINDS) {
    expect(questions.filter((question) => question.kind === kind).length, kind).toBeGreaterThanOrEqual(40)
  }
})

test('a conversation is read with its speakers, the times of its sessions and its turns', () => {
  const text = `${head}${session}m1 Ana: Well: how was it?\nm2 Ben: Wet.\n\n# 2026-03-09 08:00\nm3 Ana: Again?\n`
  const { title, speakers, sessions } = readConversation('ana-ben', text)
  expect({ title, speakers }).toEqual({ title: 'Two friends', speakers: ['Ana', 'Ben'] })
  expect(sessions.map(({ startsAt }) => startsAt.toISOString())).toEqual([
    '2026-03-02T19:10:00.000Z',
    '2026-03-09T08:00:00.000Z',
  ])
  expect(sessions[0]?.turns[0]).toEqual({ id: 'm1', speaker: 'Ana', text: 'Well: how was it?' })
  expect(sessions[1]?.turns.map(({ id }) => id)).toEqual(['m3'])
})

test.each([
  ['no head', `${session}m1 Ana: Hello\n`, 'begins with'],
  ['a turn before the first session', `${head}m1 Ana: Hello\n`, 'line 4: no session'],
  ['a turn that is missing', `${head}${session}m1 Ana: Hello\nm3 Ben: Hello\n`, 'line 6: m2 comes here'],
  ['a stranger', `${head}${session}m1 Cleo: Hello\n`, 'line 5: "Cleo" is no speaker'],
  ['a turn without words', `${head}${session}m1 Ana: \n`, 'line 5: a turn is'],
  ['a day that does not exist', `${head}# 2026-06-31 19:10\n`, 'line 4: a session begins'],
  ['a session that is not later', `${head}${session}m1 Ana: Hello\n${session}`, 'line 6: is not later'],
])('a conversation with %s is refused', (_, text, message) => {
  expect(() => readConversation('ana-ben', text)).toThrow(message)
})

test.each([
  ['an unknown kind', 'Who? | colour | m1', '"colour" is no kind'],
  ['evidence that is no turn', 'Who? | name | m9', '"m9" is no turn'],
  ['no evidence', 'Who? | name', '"" is no turn'],
  ['the same evidence twice', 'Who? | name | m1 m1', 'names a turn twice'],
  ['one turn for several hops', 'Who? | multi-hop | m1', 'needs two turns'],
  ['a fourth column', 'Who? | name | m1 | m2', 'is "text?'],
  ['no question mark', 'Who | name | m1', 'is "text?'],
])('a question with %s is refused', (_, line, message) => {
  const text = `Where? | paraphrase | m2\n${line}\n`
  expect(() => readQuestions('ana-ben', text, new Set(['m1', 'm2']))).toThrow(`ana-ben, question 2: ${message}`)
})
