import { type TenantId, tenantId } from '@memoric/contracts/ids.ts'
import { identifier } from '@memoric/contracts/text.ts'
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { UsageError } from './memory-command.ts'

/** Throws UsageError. */
export function readTenantId(value: string | undefined): TenantId {
  const parsed = tenantId.safeParse(value)
  if (!parsed.success) throw new UsageError(`"${value ?? ''}" is not the id of a tenant: a UUID in lower case.`)
  return parsed.data
}

/** Throws UsageError. */
export function readSubjectId(value: string): string {
  if (identifier.safeParse(value).success) return value
  throw new UsageError('The id of the subject must have 1 to 128 characters and no control characters.')
}

/** Options and words of a command line after its first word. Throws UsageError. */
export function readOptions<const O extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: O,
) {
  try {
    return parseArgs({ args: args.slice(1), options, allowPositionals: true })
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : 'The options cannot be read.', { cause })
  }
}

/** Throws UsageError when there are more words than a command takes. */
export function refuseSurplus(command: string, surplus: readonly string[]): void {
  if (surplus.length > 0) throw new UsageError(`"${command}" does not know what to do with "${surplus[0] ?? ''}".`)
}
