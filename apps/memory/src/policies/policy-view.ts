import type { z } from 'zod'
import type { policyAnswer } from '@memoric/contracts/policy-contract.ts'
import type { Policy } from './policy.ts'
import type { PolicyRow } from './policy-repository.ts'
import { warningsOf } from './policy-warnings.ts'

type PolicyAnswer = z.input<typeof policyAnswer>

/** A policy as callers see it; without a row it is the one that nobody stored. */
export function policyView({ version, document }: Pick<Policy, 'version' | 'document'>, row?: PolicyRow): PolicyAnswer {
  return {
    version,
    policy: document,
    warnings: warningsOf(document),
    written_at: row?.written_at.toISOString() ?? null,
    written_by: row?.written_by ?? null,
  }
}
