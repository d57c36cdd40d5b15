import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { createSealingKey } from '@memoric/crypto/sealed-box.ts'
import { createEventFactory } from '@memoric/service/event-factory.ts'
import { type AuditRow, auditTable } from './audit-row.ts'
import { makeAuditEvents } from './make-audit-events.ts'
import { measureBareInsert, measureIngest } from './measure-ingest.ts'
import { measureLag } from './measure-lag.ts'
import { measureLists } from './measure-lists.ts'
import { measureProofs } from './measure-proofs.ts'
import { measureVerify } from './measure-verify.ts'
import { openAuditBench } from './open-audit-bench.ts'
import { parseOptions } from './options.ts'

const WARM_UP = 30_000

const options = parseOptions(process.argv.slice(2))
const personalDataKey = randomBytes(32)
const bench = await openAuditBench(personalDataKey)
const rows: AuditRow[] = []

/** What is going on goes beside the table. */
function note(...measured: readonly AuditRow[]): void {
  rows.push(...measured)
  for (const { what, seen } of measured) process.stderr.write(`${what}: ${seen}\n`)
}

try {
  const factory = createEventFactory({ app: 'memory', personalDataKey: createSealingKey(1, personalDataKey) })
  const make = (count: number) => makeAuditEvents(factory, count)
  await measureIngest(bench, make(WARM_UP))
  note(await measureIngest(bench, make(options.events)))
  note(await measureBareInsert(bench))
  note(await measureLag(bench, make, options.seconds))
  note(await measureVerify(bench))
  note(...(await measureProofs(bench, options.tree)))
  note(await measureLists(bench, options.lines))
  const machine = `Node ${process.versions.node}, ${process.platform} ${process.arch}, ${availableParallelism()} cores`
  process.stdout.write(`\n${machine}\n\n${auditTable(rows)}\n`)
} finally {
  await bench.close()
}
process.exit()
