import { commitTo } from '@memoric/crypto/commitment.ts'
import { CryptoError } from '@memoric/crypto/errors.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { readLeaf } from '@memoric/verifier/export-line.ts'
import type { ActorKeys } from '../personal/actor-keys.ts'
import { openDisclosure } from '../personal/seal-personal.ts'
import { type CommittedLine, committedLines } from './stored-log-repository.ts'

/** A line beside which there is not the personal data that it commits to. */
export interface PersonalFault {
  readonly logIndex: number
  readonly message: string
}

/** Looks at the lines of some places. What nobody can open any more, as its key was destroyed, is as it should be. */
export async function checkPersonal(sql: Sql, keys: ActorKeys, from: number, to: number): Promise<PersonalFault[]> {
  const lines = await systemTransaction(sql, (tx) => committedLines(tx, from, to))
  return lines.flatMap((line) => {
    const commitment = readLeaf(line.canonical)?.commitment ?? null
    const fault = commitment === null ? null : faultOf(keys, line, commitment)
    if (fault === null) return []
    const { log_index: logIndex, event_id: id, tenant_seq: seq, tenant_id: tenant } = line
    return [{ logIndex, message: `the personal data of event ${id} (line ${seq} of tenant ${tenant}) ${fault}` }]
  })
}

function faultOf(keys: ActorKeys, line: CommittedLine, commitment: string): string | null {
  const { actor, sealed, key_id: keyId, wrapped, tenant_id: tenantId, event_id: eventId } = line
  if (actor === null || sealed === null) return 'is missing'
  if (keyId === null || wrapped === null) return null
  try {
    const { key } = keys.open({ tenantId, actor, keyId, wrapped })
    const { salt, personal } = openDisclosure(key, { tenantId, actor, eventId }, sealed)
    const isOwn = salt !== null && commitTo(Buffer.from(salt, 'base64'), personal) === commitment
    return isOwn ? null : 'is not what the line commits to'
  } catch (error) {
    if (error instanceof CryptoError) return 'does not open under the key of its actor'
    throw error
  }
}
