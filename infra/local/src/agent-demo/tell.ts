import type { WakeUpAnswer } from '@memoric/contracts/wake-up-contract.ts'

/** Where the demo says what happens, line by line. */
export type Say = (line: string) => void

export function tellDay(say: Say, name: string): void {
  say(`\n${name}\n${'='.repeat(name.length)}`)
}

/** What an agent knows when it wakes up, as it would stand in its prompt. */
export function tellWakeUp(
  say: Say,
  name: string,
  { with_whom: person, text, tokens, max_tokens: most }: WakeUpAnswer,
) {
  const knows = text === '' ? 'and knows nothing' : `and knows, in ${tokens} of ${most} tokens:`
  say(`\n${name} wakes up for ${person ?? 'nobody'} ${knows}`)
  if (text !== '') say(text.replaceAll(/^/gm, '  | '))
}

/** The numbers of a report that are not zero. */
export function numbersOf(report: Readonly<Record<string, unknown>>): string {
  const counted = Object.entries(report).filter(([, value]) => typeof value === 'number' && value > 0)
  return counted.map(([name, value]) => `${name} ${String(value)}`).join(', ')
}
