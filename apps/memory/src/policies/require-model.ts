import type { PolicyDocument } from '@memoric/contracts/policy-contract.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { MemoryDeps } from '../memory-deps.ts'

/** Throws AppError `rule_violated` when the policy asks for a model and the operator has set none up. */
export function requireModel(
  { textModel }: Pick<MemoryDeps, 'textModel'>,
  { summarisation, enrichment }: PolicyDocument,
): void {
  if (textModel !== null) return
  if (summarisation.summariser === 'model') throw missing('/policy/summarisation/summariser')
  if (enrichment.mode === 'model') throw missing('/policy/enrichment/mode')
}

function missing(pointer: string): AppError {
  const message = 'no model is set up: the operator sets TEXT_MODEL_URL and TEXT_MODEL_NAME'
  return new AppError('rule_violated', { errors: [{ pointer, message }] })
}
