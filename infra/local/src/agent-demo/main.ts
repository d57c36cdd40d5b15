import { fileURLToPath } from 'node:url'
import { readCredentials } from '../demo-credentials.ts'
import { homeAt } from '../home.ts'
import { openOffice } from './office.ts'
import { playDays } from './play-days.ts'

const repository = fileURLToPath(new URL('../../../../', import.meta.url))

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

try {
  const { url } = await readCredentials(homeAt(process.env.MEMORIC_HOME ?? `${repository}.memoric`).credentials)
  const office = await openOffice(url)
  say(`Two agents, iris and otto, work with Ana and Ben. They have the tenant ${office.tenantId} for themselves.`)
  await playDays(say, office)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
