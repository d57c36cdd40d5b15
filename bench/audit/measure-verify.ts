import { randomBytes } from 'node:crypto'
import { ensureCheckpointKeys } from '@memoric/app-audit/checkpoints/checkpoint-keys.ts'
import { signCheckpoint } from '@memoric/app-audit/checkpoints/sign-checkpoint.ts'
import { exportWholeLog } from '@memoric/app-audit/proofs/export-whole-log.ts'
import { createSealingKey } from '@memoric/crypto/sealed-box.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { verifyExport } from '@memoric/verifier/verify-export.ts'
import type { AuditRow } from './audit-row.ts'
import { measureCpu } from './measure-cpu.ts'
import type { AuditBench } from './open-audit-bench.ts'

const RATE = 50_000

/** The offline verifier on an export of the whole log, from lines in memory. */
export async function measureVerify({ sql, servers }: AuditBench): Promise<AuditRow> {
  const keys = await ensureCheckpointKeys(sql, createSealingKey(1, randomBytes(32)), 'bench/log')
  await systemTransaction(sql, (tx) => signCheckpoint(tx, keys, undefined, new Date()))
  const lines: string[] = []
  for await (const line of exportWholeLog(sql)) lines.push(line)
  let wrong = -1
  const { wallMs, ownMs } = await measureCpu(servers, async () => {
    wrong = (await verifyExport(lines, { verifiers: keys.verifiers })).findings.length
  })
  if (wrong !== 0) throw new Error('the log does not verify')
  const count = lines.length - 2
  const rate = Math.round((count * 1000) / wallMs)
  return {
    what: `offline verifier, ${count} lines`,
    seen: `${rate} events/s, ${((ownMs * 1000) / count).toFixed(1)} us of CPU an event`,
    budget: `>= ${RATE} events/s`,
    kept: rate >= RATE,
  }
}
