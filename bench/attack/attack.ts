import type { Answer } from './http-client.ts'
import type { Target } from './target.ts'

/** What came of an attack. */
export interface Outcome {
  /** What was answered, in a few words. */
  readonly answer: string
  /** Whether the system held; false when the attack got through. */
  readonly held: boolean
}

/** One attempt to get what is not one's own. */
export interface Attack {
  readonly kind: string
  readonly name: string
  /** Takes longer than a second or two. */
  readonly slow?: true
  readonly run: (target: Target) => Promise<Outcome>
}

/** Attacks of one kind that differ in one thing. */
export function attacks<T>(
  kind: string,
  cases: readonly (readonly [name: string, one: T])[],
  run: (target: Target, one: T) => Promise<Outcome>,
): Attack[] {
  return cases.map(([name, one]) => ({ kind, name, run: (target) => run(target, one) }))
}

/** Held when every answer is a refusal: a problem of ours with a status of 400 to 499. */
export function refused(...answers: readonly Answer[]): Outcome {
  return { answer: summary(answers), held: answers.length > 0 && answers.every(isRefusal) }
}

/** Held when every answer is a refusal with one of these codes. */
export function refusedWith(codes: readonly string[], ...answers: readonly Answer[]): Outcome {
  const { answer, held } = refused(...answers)
  return { answer, held: held && answers.every(({ code }) => code !== null && codes.includes(code)) }
}

/** Held when `holds` is true of answers none of which is a failure of ours. */
export function judged(answers: readonly Answer[], holds: boolean): Outcome {
  return { answer: summary(answers), held: holds && answers.every(({ status }) => status < 500) }
}

export function isRefusal({ status, code }: Answer): boolean {
  return status >= 400 && status < 500 && code !== null
}

/** Statuses and codes, each once and how often it came. */
function summary(answers: readonly Answer[]): string {
  const counts = new Map<string, number>()
  for (const { status, code } of answers) {
    const one = `${status}${code === null ? '' : ` ${code}`}`
    counts.set(one, (counts.get(one) ?? 0) + 1)
  }
  return [...counts].map(([one, count]) => (count > 1 ? `${count} x ${one}` : one)).join(', ') || 'nothing'
}
