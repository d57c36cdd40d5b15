import { type PolicyDocument, policyDocument } from '@memoric/contracts/policy-contract.ts'
import { CryptoError } from '@memoric/crypto/errors.ts'
import { recordAad } from '@memoric/crypto/record-aad.ts'
import { boxKeyId, openBox, sealBox } from '@memoric/crypto/sealed-box.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { TENANT_ITSELF } from '../keys/tenant-itself.ts'
import type { PolicyRow } from './policy-repository.ts'

function aad(tenantId: string, version: number) {
  return recordAad({ tenantId, subjectId: TENANT_ITSELF, recordId: 'policies', field: 'policy', version })
}

/** Seals a version of a policy under the key of the tenant itself. */
export function sealPolicy(keys: SubjectKeys, tenantId: string, version: number, document: PolicyDocument): Buffer {
  return sealBox(keys.content.current(), aad(tenantId, version), Buffer.from(JSON.stringify(document)))
}

/** Opens it again, with defaults for what was added to policies since. Throws CryptoError `unknown_key`, `decryption_failed`. */
export function openPolicy(keys: SubjectKeys, { tenant_id, version, sealed }: PolicyRow): PolicyDocument {
  if (keys.content.find(boxKeyId(sealed)) === undefined) throw new CryptoError('unknown_key')
  return policyDocument.parse(JSON.parse(openBox(keys.content, aad(tenant_id, version), sealed).toString()))
}
