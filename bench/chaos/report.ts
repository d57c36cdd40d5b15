import { markdownTable } from '../report/table.ts'
import type { Finding } from './finding.ts'

/** What was done to the stack. */
export interface Done {
  readonly what: string
  /** Ms until everything was ready again. */
  readonly backAfter: number
  /** Writes that had been acknowledged when it was. */
  readonly acknowledged: number
}

export interface ChaosReport {
  readonly seed: number
  readonly done: readonly Done[]
  readonly retried: number
  readonly repeated: number
  readonly findings: readonly Finding[]
}

/** Both tables, and one sentence. */
export function chaosTable({ seed, done, retried, repeated, findings }: ChaosReport): string {
  const rounds = done.map(({ what, backAfter, acknowledged }, at) => [
    String(at + 1),
    what,
    (backAfter / 1000).toFixed(1),
    String(acknowledged),
  ])
  const broken = findings.filter(({ holds }) => !holds).length
  return [
    markdownTable(['round', 'what happened', 'ready after s', 'writes so far'], rounds),
    '',
    markdownTable(
      ['what has to hold', 'seen', 'verdict'],
      findings.map(({ rule, seen, holds }) => [rule, seen, holds ? 'holds' : 'BROKEN']),
    ),
    '',
    `${done.length} rounds (seed ${seed}), ${retried} tries without an answer that were made again, ${repeated} repeated: ` +
      (broken === 0 ? 'everything holds.' : `${broken} rules are broken.`),
  ].join('\n')
}
