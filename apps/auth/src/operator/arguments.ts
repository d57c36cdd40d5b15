import { email } from '@memoric/contracts/auth-contract.ts'
import { type TenantId, tenantId, type UserId, userId } from '@memoric/contracts/ids.ts'
import { text } from '@memoric/contracts/text.ts'
import type { z } from 'zod'
import { UsageError } from './command.ts'

/** As long as a reason in an event may be. */
const reasonText = text(500)

export function readTenantId(value: string | undefined): TenantId {
  return read(tenantId, value, `"${value}" is not the id of a tenant: a UUID in lower case`)
}

export function readUserId(value: string | undefined): UserId {
  return read(userId, value, `"${value}" is not the id of a user: a UUID in lower case`)
}

export function readEmail(value: string | undefined): string {
  return read(email, value, `"${value}" is not an e-mail address`)
}

/** As part of an event, or nothing when none is given. */
export function readReason(value: string | undefined): { readonly reason?: string } {
  if (value === undefined) return {}
  return { reason: read(reasonText, value, 'The reason must have 1 to 500 characters') }
}

function read<S extends z.ZodType>(schema: S, value: unknown, fault: string): z.output<S> {
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw new UsageError(`${fault}.`)
  return parsed.data
}
