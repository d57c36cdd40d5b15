#!/usr/bin/env node
import { runVerifier } from './verify-command.ts'

process.exitCode = await runVerifier(process.argv.slice(2), {
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
})
