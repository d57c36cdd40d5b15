import type { Attack, Outcome } from './attack.ts'
import { whatIsLost } from './still-ours.ts'
import type { Target } from './target.ts'

export interface AttackResult extends Outcome {
  readonly kind: string
  readonly name: string
}

/** Runs attacks one after the other, each time looking whether the stack and its tenants are as they were. */
export async function runAttacks(
  attacks: readonly Attack[],
  target: Target,
  signal: AbortSignal,
): Promise<AttackResult[]> {
  const results: AttackResult[] = []
  let current = target
  for (const attack of attacks) {
    signal.throwIfAborted()
    const outcome = await runAttack(attack, current)
    results.push({ kind: attack.kind, name: attack.name, ...outcome })
    if (!outcome.held) current = await current.withNewVictim()
  }
  return results
}

/** The outcome of one attack. What throws has not been held off. */
export async function runAttack({ run }: Pick<Attack, 'run'>, target: Target): Promise<Outcome> {
  try {
    const outcome = await run(target)
    const lost = await whatIsLost(target)
    return lost === null ? outcome : { answer: `${outcome.answer}; then ${lost}`, held: false }
  } catch (error) {
    return { answer: error instanceof Error ? error.message.slice(0, 200) : String(error), held: false }
  }
}
