/** One thing that somebody said. */
export interface Turn {
  /** `m1`, `m2` … through all sessions of the conversation. */
  readonly id: string
  readonly speaker: string
  readonly text: string
}

export interface Session {
  readonly startsAt: Date
  readonly turns: readonly Turn[]
}

export interface Conversation {
  /** Of its file. */
  readonly name: string
  readonly title: string
  readonly speakers: readonly string[]
  readonly sessions: readonly Session[]
}

const titleLine = /^title: (\S.*)$/
const speakersLine = /^speakers: (\S.*)$/
const sessionLine = /^# (\d{4}-\d{2}-\d{2}) (\d{2}:\d{2})$/
const turnLine = /^(m\d+) ([^:]+): (\S.*)$/

/**
 * Reads a conversation: `title:` and `speakers:`, then `# 2026-03-02 19:10` (UTC) before each session and `m12 Ana: …` for each turn.
 * Throws with the number of the line that is not as it should be.
 */
export function readConversation(name: string, text: string): Conversation {
  const [first = '', second = '', ...lines] = text.trimEnd().split('\n')
  const title = titleLine.exec(first)?.[1]
  const speakers = speakersLine.exec(second)?.[1]?.split(', ')
  if (title === undefined || speakers === undefined) throw new Error(`${name}: begins with "title:" and "speakers:"`)
  const sessions: { startsAt: Date; turns: Turn[] }[] = []
  let turns = 0
  lines.forEach((line, at) => {
    try {
      if (line === '') return
      if (line.startsWith('#')) return void sessions.push({ startsAt: readStart(line, sessions.at(-1)), turns: [] })
      turns += 1
      addTurn(sessions.at(-1), readTurn(line, turns, speakers))
    } catch (cause) {
      throw new Error(`${name}, line ${at + 3}: ${cause instanceof Error ? cause.message : ''}`, { cause })
    }
  })
  return { name, title, speakers, sessions }
}

function readStart(line: string, before: Session | undefined): Date {
  const [, day, time] = sessionLine.exec(line) ?? []
  const startsAt = new Date(`${day}T${time}Z`)
  // What does not exist, such as 31 June, is moved or refused by Date.
  if (Number.isNaN(startsAt.getTime()) || !startsAt.toISOString().startsWith(`${day}T${time}`))
    throw new Error('a session begins with "# 2026-03-02 19:10"')
  if (before !== undefined && startsAt <= before.startsAt) throw new Error('is not later than the session before')
  return startsAt
}

function readTurn(line: string, number: number, speakers: readonly string[]): Turn {
  const [, id, speaker, text] = turnLine.exec(line) ?? []
  if (id === undefined || speaker === undefined || text === undefined) throw new Error('a turn is "m12 Ana: …"')
  if (id !== `m${number}`) throw new Error(`m${number} comes here`)
  if (!speakers.includes(speaker)) throw new Error(`"${speaker}" is no speaker of this conversation`)
  return { id, speaker, text }
}

function addTurn(session: { turns: Turn[] } | undefined, turn: Turn): void {
  if (session === undefined) throw new Error('no session has begun')
  session.turns.push(turn)
}
