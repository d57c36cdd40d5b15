import { outliveReader } from '@memoric/service/outlive-reader.ts'
import { runAuditCommand } from './run-audit-command.ts'

outliveReader(process.stdout)
process.exitCode = await runAuditCommand(process.argv.slice(2), {
  env: process.env,
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
})
