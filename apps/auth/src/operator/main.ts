import { outliveReader } from '@memoric/service/outlive-reader.ts'
import { runOperator } from './run-operator.ts'

outliveReader(process.stdout)
process.exitCode = await runOperator(process.argv.slice(2), {
  env: process.env,
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
})
