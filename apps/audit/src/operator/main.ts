import { runAuditCommand } from './run-audit-command.ts'

process.exitCode = await runAuditCommand(process.argv.slice(2), {
  env: process.env,
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
})
