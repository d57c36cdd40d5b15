import { createApiKey, hashApiKeySecret, parseApiKey } from '@memoric/crypto/api-key.ts'
import { emailIndex } from '@memoric/crypto/blind-index.ts'
import { deriveKey } from '@memoric/crypto/derive-key.ts'
import { signIdentity, verifyIdentity } from '@memoric/crypto/identity-statement.ts'
import { recordAad } from '@memoric/crypto/record-aad.ts'
import { createSealingKey, openBox, sealBox } from '@memoric/crypto/sealed-box.ts'
import { generateKey } from '@memoric/crypto/wrapped-key.ts'

// CPU time per call of what sits on the hot path; the median and the best of the rounds.

const rounds = 11
const callsPerRound = 10_000

function cpuMicroseconds(work: () => unknown): number {
  const start = process.cpuUsage()
  for (let call = 0; call < callsPerRound; call += 1) work()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / callsPerRound
}

function measure(name: string, work: () => unknown): void {
  cpuMicroseconds(work)
  const costs = Array.from({ length: rounds }, () => cpuMicroseconds(work)).sort((a, b) => a - b)
  const [best = 0, median = 0] = [costs[0], costs[Math.floor(rounds / 2)]]
  process.stdout.write(
    `${name.padEnd(32)} median ${median.toFixed(2).padStart(6)} µs   best ${best.toFixed(2).padStart(6)} µs\n`,
  )
}

const rootKey = generateKey()
const sealingKey = createSealingKey(1, deriveKey(rootKey, 'content'))
const aad = recordAad({
  tenantId: '0198f3a2-7c1e-7d4b-9a51-3f6b2c8d9e01',
  subjectId: 'subject-42',
  recordId: '0198f3a2-7c1e-7d4b-9a51-3f6b2c8d9e02',
  field: 'content',
  version: 1,
})
const content = Buffer.alloc(300, 'a memory of three hundred bytes ')
const segment = Buffer.alloc(1_500_000, 'segment')
const box = sealBox(sealingKey, aad, content)
const segmentBox = sealBox(sealingKey, aad, segment)

const secret = generateKey().toString('base64url')
const claims = {
  tenant_id: '0198f3a2-7c1e-7d4b-9a51-3f6b2c8d9e01',
  principal: { type: 'api_key', id: '0198f3a2-7c1e-7d4b-9a51-3f6b2c8d9e03' },
  permissions: ['memories:read', 'memories:write', 'memories:delete', 'clusters:read', 'audit:read'],
  subjects: null,
  namespaces: null,
  request_id: '0198f3a2-7c1e-7d4b-9a51-3f6b2c8d9e04',
  client_address: '192.0.2.17',
}
const now = Date.now()
const statement = signIdentity(secret, 'memory', claims, { now })
const apiKey = createApiKey('live')

measure('sealBox, 300 bytes', () => sealBox(sealingKey, aad, content))
measure('openBox, 300 bytes', () => openBox(sealingKey, aad, box))
measure('signIdentity', () => signIdentity(secret, 'memory', claims, { now }))
measure('verifyIdentity', () => verifyIdentity(secret, 'memory', statement, { now }))
measure('parseApiKey', () => parseApiKey(apiKey.text))
measure('hashApiKeySecret', () => hashApiKeySecret(apiKey.secret, rootKey))
measure('createApiKey', () => createApiKey('live'))
measure('deriveKey', () => deriveKey(rootKey, 'content'))
measure('createSealingKey', () => createSealingKey(1, rootKey))
measure('emailIndex', () => emailIndex(rootKey, 'Someone@Example.org'))

const start = process.cpuUsage()
for (let call = 0; call < 50; call += 1) openBox(sealingKey, aad, segmentBox)
const { user, system } = process.cpuUsage(start)
process.stdout.write(`${'openBox, 1.5 MB'.padEnd(32)} mean ${((user + system) / 50).toFixed(0).padStart(8)} µs\n`)
