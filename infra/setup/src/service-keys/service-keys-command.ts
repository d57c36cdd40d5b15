import { parseArgs } from 'node:util'
import { databaseApps } from '../secrets.ts'
import { listServiceKeys } from './list-service-keys.ts'
import { keyFileName, type Pair } from './service-key-files.ts'
import {
  finishRotation,
  issueServiceKey,
  revokeServiceKey,
  rotateServiceKey,
  type ServiceKeys,
} from './service-keys.ts'

const usage = `Usage: npm run service-keys -- list
       npm run service-keys -- issue <caller> --for <app>
       npm run service-keys -- rotate <caller> --for <app> [--overlap seconds] [--settle seconds]
       npm run service-keys -- finish <caller> --for <app>
       npm run service-keys -- revoke <caller> --for <app>
<caller>: the service that calls, 2 to 16 small letters; <app>: ${databaseApps.join(', ')}.
--secrets <folder>: the folder of secrets; that of MEMORIC_HOME when left out.`

const COMMANDS = ['list', 'issue', 'rotate', 'finish', 'revoke']
const CALLER = /^[a-z]{2,16}$/

/** What a person asked for. */
export interface ServiceKeysRequest {
  readonly command: string
  readonly caller: string
  readonly app: string
  readonly overlapMs: number
  readonly settleMs: number
  readonly secrets: string | undefined
}

/** Reads the command line. Throws with the usage. */
export function parseServiceKeysRequest(args: readonly string[]): ServiceKeysRequest {
  const { positionals, values } = parse(args)
  const [command = '', caller = '', ...more] = positionals
  if (!COMMANDS.includes(command) || more.length > 0) throw new Error(usage)
  return {
    command,
    caller,
    app: values.for,
    overlapMs: milliseconds(values.overlap),
    settleMs: milliseconds(values.settle),
    secrets: values.secrets,
  }
}

/** Does what was asked for. Throws with a sentence for a person. */
export async function runServiceKeys(
  keys: ServiceKeys,
  request: ServiceKeysRequest,
  say: (line: string) => void,
): Promise<void> {
  const { command, overlapMs, settleMs } = request
  switch (command) {
    case 'list':
      say(await listServiceKeys(keys.folder, databaseApps))
      break
    case 'issue':
      say(await issue(keys, pairOf(request)))
      break
    case 'rotate':
      await rotateServiceKey(keys, pairOf(request), { overlapMs, settleMs, say })
      say('The old key has ended')
      break
    case 'finish':
      say(await finish(keys, pairOf(request)))
      break
    case 'revoke':
      say(await revoke(keys, pairOf(request)))
      break
    default:
      throw new Error(usage)
  }
}

async function issue(keys: ServiceKeys, pair: Pair): Promise<string> {
  await issueServiceKey(keys, pair)
  return `${pair.app} takes the key in ${keyFileName(pair)}`
}

async function finish(keys: ServiceKeys, pair: Pair): Promise<string> {
  await finishRotation(keys, pair)
  return `${pair.app} takes the key in ${keyFileName(pair)} and no other of ${pair.caller}`
}

async function revoke(keys: ServiceKeys, pair: Pair): Promise<string> {
  await revokeServiceKey(keys, pair)
  return `${pair.app} refuses ${pair.caller} within seconds`
}

function pairOf({ caller, app }: ServiceKeysRequest): Pair {
  const isApp = databaseApps.some((name) => name === app)
  if (!CALLER.test(caller) || !isApp) throw new Error(usage)
  return { caller, app }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        for: { type: 'string', default: '' },
        overlap: { type: 'string', default: '30' },
        settle: { type: 'string', default: '5' },
        secrets: { type: 'string' },
      },
    })
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? cause.message : ''}\n${usage}`, { cause })
  }
}

function milliseconds(text: string): number {
  const value = Number(text)
  if (text === '' || !(value >= 0 && value <= 86_400))
    throw new Error(`Seconds are a number from 0 to 86400.\n${usage}`)
  return value * 1000
}
