import { runOperator } from '@memoric/app-auth/operator/run-operator.ts'
import type { Stack } from './use-stack.ts'

/** Runs a command of the operator on a stack, and gives what it answers in JSON. Throws with what it says when it fails. */
export async function operate({ settings }: Stack, ...args: string[]): Promise<unknown> {
  const [out, err]: [string[], string[]] = [[], []]
  const code = await runOperator([...args, '--json'], {
    env: settings.environments.auth,
    out: (line) => out.push(line),
    err: (line) => err.push(line),
  })
  if (code !== 0 || err.length > 0) throw new Error(`"${args.join(' ')}" ended with ${code}: ${err.join('\n')}`)
  return JSON.parse(out.join('\n'))
}
