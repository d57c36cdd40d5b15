import { outliveReader } from '@memoric/service/outlive-reader.ts'
import { runMemoryOperator } from './run-memory-operator.ts'

outliveReader(process.stdout)
process.exitCode = await runMemoryOperator(process.argv.slice(2), {
  env: process.env,
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
  screen: process.stderr,
})
