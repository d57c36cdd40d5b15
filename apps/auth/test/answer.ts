import type { createdApiKey } from '@memoric/contracts/api-key-contract.ts'
import type { loginAnswer, registerAnswer } from '@memoric/contracts/auth-contract.ts'
import type { IntrospectAnswer } from '@memoric/contracts/introspection.ts'
import type { Problem } from '@memoric/contracts/error-codes.ts'
import type { recoveryCodes, totpEnrollment } from '@memoric/contracts/totp-contract.ts'
import type { z } from 'zod'

type ApiKeyBody = z.infer<typeof createdApiKey>

/** The fields of every answer of auth at once: a test reads those which its answer must have. */
export type Body = z.infer<typeof registerAnswer> &
  z.infer<typeof loginAnswer> &
  z.infer<typeof totpEnrollment> &
  z.infer<typeof recoveryCodes> &
  ApiKeyBody &
  IntrospectAnswer &
  Problem & { readonly items: readonly ApiKeyBody[]; readonly next_cursor: string | null }

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Body
}
