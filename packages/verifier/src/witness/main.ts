#!/usr/bin/env node
import { startWitness } from './witness-command.ts'

const server = await startWitness(process.argv.slice(2), {
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
})
if (server === undefined) process.exitCode = 2
else for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void server.close())
