import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serviceKeyHashes } from '@memoric/service/config.ts'
import { createServiceKeyCheck } from '@memoric/service/service-key-check.ts'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { parseServiceKeysRequest, runServiceKeys } from '../src/service-keys/service-keys-command.ts'
import {
  ensureGatewayKeys,
  finishRotation,
  issueServiceKey,
  revokeServiceKey,
  rotateServiceKey,
} from '../src/service-keys/service-keys.ts'

const gateway = { caller: 'gateway', app: 'memory' }
const billing = { caller: 'billing', app: 'memory' }

let folder: string
let handedOut: number
let keys: { folder: string; handOut: () => Promise<void> }

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'memoric-keys-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  handedOut = 0
  keys = { folder, handOut }
  await ensureGatewayKeys(folder, ['auth', 'memory'])
})

function handOut(): Promise<void> {
  handedOut += 1
  return Promise.resolve()
}

async function keyOf(caller: string, app = 'memory'): Promise<string> {
  return (await readFile(join(folder, `${caller}-to-${app}.key`), 'utf8')).trim()
}

/** Whether an app that reads the folder now takes a key. */
async function takes(key: string, app = 'memory'): Promise<boolean> {
  const hashes = serviceKeyHashes.parse(await readFile(join(folder, `${app}-service-keys.json`), 'utf8'))
  return createServiceKeyCheck(() => hashes)(key) !== null
}

function at(): { settleMs: number; overlapMs: number; say: (line: string) => void } {
  return { settleMs: 0, overlapMs: 0, say: () => undefined }
}

async function run(...args: string[]): Promise<string> {
  const lines: string[] = []
  await runServiceKeys(keys, parseServiceKeysRequest(args), (line) => lines.push(line))
  return lines.join('\n')
}

describe('the keys of the gateway', () => {
  test('are made once, and each app takes its own only', async () => {
    const [first, other] = [await keyOf('gateway'), await keyOf('gateway', 'auth')]
    await ensureGatewayKeys(folder, ['auth', 'memory'])
    expect(await keyOf('gateway')).toBe(first)
    expect([await takes(first), await takes(other), await takes(other, 'auth')]).toEqual([true, false, true])
  })

  test('of a home from before there was a file of hashes are taken', async () => {
    await rm(join(folder, 'memory-service-keys.json'))
    await ensureGatewayKeys(folder, ['memory'])
    expect(await takes(await keyOf('gateway'))).toBe(true)
  })

  test('that are missing are made anew, and those of others stay', async () => {
    await issueServiceKey(keys, billing)
    const old = await keyOf('gateway')
    await rm(join(folder, 'gateway-to-memory.key'))
    await ensureGatewayKeys(folder, ['memory'])
    expect([await takes(old), await takes(await keyOf('gateway')), await takes(await keyOf('billing'))]).toEqual([
      false,
      true,
      true,
    ])
  })

  test('a damaged file of hashes is never written over', async () => {
    await writeFile(join(folder, 'memory-service-keys.json'), '{"gateway":["x"]}')
    await expect(ensureGatewayKeys(folder, ['memory'])).rejects.toThrow('is damaged')
    expect(await readFile(join(folder, 'memory-service-keys.json'), 'utf8')).toBe('{"gateway":["x"]}')
  })

  test('a damaged key is said to be one', async () => {
    await writeFile(join(folder, 'gateway-to-memory.key'), 'ms_gateway_x')
    await expect(ensureGatewayKeys(folder, ['memory'])).rejects.toThrow('holds no service key')
  })
})

describe('a key for another service', () => {
  test('is taken beside that of the gateway, by that app only', async () => {
    await issueServiceKey(keys, billing)
    const key = await keyOf('billing')
    expect(key).toMatch(/^ms_billing_/)
    expect([await takes(key), await takes(key, 'auth'), await takes(await keyOf('gateway'))]).toEqual([
      true,
      false,
      true,
    ])
    expect(handedOut).toBe(1)
  })

  test('is not made twice', async () => {
    await issueServiceKey(keys, billing)
    await expect(issueServiceKey(keys, billing)).rejects.toThrow('has a key')
  })

  test('is the same one when its making was interrupted', async () => {
    await issueServiceKey(keys, billing)
    const key = await keyOf('billing')
    await writeFile(join(folder, 'memory-service-keys.json'), '{}')
    await issueServiceKey(keys, billing)
    expect(await keyOf('billing')).toBe(key)
    expect(await takes(key)).toBe(true)
  })
})

describe('a rotation', () => {
  test('replaces the key, and at every moment the key that is presented is taken', async () => {
    const old = await keyOf('gateway')
    const seen: boolean[] = []
    const watched = { folder, handOut: async () => void seen.push(await takes(await keyOf('gateway'))) }
    await rotateServiceKey(watched, gateway, at())
    expect(seen).toEqual([true, true, true])
    expect(await keyOf('gateway')).not.toBe(old)
    expect(await takes(old)).toBe(false)
  })

  test('takes the old key until the overlap is over', async () => {
    const old = await keyOf('gateway')
    const taken: boolean[] = []
    const watched = { folder, handOut: async () => void taken.push(await takes(old)) }
    await rotateServiceKey(watched, gateway, at())
    expect(taken).toEqual([true, true, false])
  })

  test.each([1, 2, 3])('that was interrupted at step %i goes on when it is asked for again', async (step) => {
    let steps = 0
    const interrupted = {
      folder,
      handOut: () => (++steps === step ? Promise.reject(new Error('died')) : Promise.resolve()),
    }
    await expect(rotateServiceKey(interrupted, gateway, at())).rejects.toThrow('died')
    expect(await takes(await keyOf('gateway'))).toBe(true)
    await rotateServiceKey(keys, gateway, at())
    expect(await takes(await keyOf('gateway'))).toBe(true)
    expect(JSON.parse(await readFile(join(folder, 'memory-service-keys.json'), 'utf8'))).toEqual({
      gateway: [expect.any(String)],
    })
    expect((await readdir(folder)).filter((name) => name.endsWith('.next'))).toEqual([])
  })

  test('that stopped before the end is finished by itself, but not before the new key is presented', async () => {
    const old = await keyOf('gateway')
    const failing = (at: number) => {
      let steps = 0
      return { folder, handOut: () => (++steps === at ? Promise.reject(new Error('died')) : Promise.resolve()) }
    }
    await expect(rotateServiceKey(failing(1), gateway, at())).rejects.toThrow('died')
    await expect(finishRotation(keys, gateway)).rejects.toThrow('does not present the new key yet')
    expect(await takes(old)).toBe(true)
    await expect(rotateServiceKey(failing(2), gateway, at())).rejects.toThrow('died')
    await finishRotation(keys, gateway)
    expect(await takes(old)).toBe(false)
    expect(await takes(await keyOf('gateway'))).toBe(true)
  })

  test('of a pair without a key is refused', async () => {
    await expect(rotateServiceKey(keys, billing, at())).rejects.toThrow('no key of billing for memory')
    await expect(finishRotation(keys, billing)).rejects.toThrow('no key of billing for memory')
  })
})

describe('a revoked key', () => {
  test('is taken no more, nor one that was about to replace it', async () => {
    await issueServiceKey(keys, billing)
    const old = await keyOf('billing')
    const interrupted = { folder, handOut: () => Promise.reject(new Error('died')) }
    await expect(rotateServiceKey(interrupted, billing, at())).rejects.toThrow('died')
    const next = (await readFile(join(folder, 'billing-to-memory.key.next'), 'utf8')).trim()
    await revokeServiceKey(keys, billing)
    expect([await takes(old), await takes(next), await takes(await keyOf('gateway'))]).toEqual([false, false, true])
    expect((await readdir(folder)).filter((name) => name.startsWith('billing'))).toEqual([])
  })

  test('does not come back when other keys change at the same time', async () => {
    const others = ['aa', 'bb', 'cc', 'dd'].map((caller) => ({ caller, app: 'memory' }))
    await issueServiceKey(keys, billing)
    await Promise.all([revokeServiceKey(keys, billing), ...others.map((pair) => issueServiceKey(keys, pair))])
    const hashes = JSON.parse(await readFile(join(folder, 'memory-service-keys.json'), 'utf8')) as object
    expect(Object.keys(hashes).toSorted()).toEqual(['aa', 'bb', 'cc', 'dd', 'gateway'])
  })

  test('a lock that somebody left is no obstacle', async () => {
    const lock = join(folder, 'service-keys.lock')
    await writeFile(lock, '')
    await utimes(lock, 0, 0)
    await revokeServiceKey(keys, gateway)
    expect(await readdir(folder)).not.toContain('service-keys.lock')
  })
})

test('every file is readable by its owner only', async () => {
  await issueServiceKey(keys, billing)
  await rotateServiceKey(keys, gateway, at())
  for (const name of await readdir(folder)) {
    expect(((await stat(join(folder, name))).mode & 0o777).toString(8)).toBe('600')
  }
})

describe('the command', () => {
  test('does what it says, and never prints a key', async () => {
    const said = [
      await run('issue', 'billing', '--for', 'memory'),
      await run('rotate', 'billing', '--for', 'memory', '--overlap', '0', '--settle', '0'),
      await run('finish', 'billing', '--for', 'memory'),
      await run('list'),
      await run('revoke', 'billing', '--for', 'memory'),
      await run('list'),
    ].join('\n')
    expect(said).not.toMatch(/ms_[a-z]+_/)
    expect(said).not.toMatch(/[0-9a-f]{32}/)
    expect(said.split('\n').filter((line) => /^memory +billing +1$/.test(line))).toHaveLength(1)
  })

  test('lists what is being rotated and what is not kept here', async () => {
    const interrupted = { folder, handOut: () => Promise.reject(new Error('died')) }
    await expect(rotateServiceKey(interrupted, gateway, at())).rejects.toThrow('died')
    await issueServiceKey(keys, billing)
    await rm(join(folder, 'billing-to-memory.key'))
    const list = await run('list')
    expect(list).toMatch(/^memory +gateway +2 +being rotated$/m)
    expect(list).toMatch(/^memory +billing +1 +its key is not kept here$/m)
  })

  test.each([
    [[]],
    [['burn', 'billing', '--for', 'memory']],
    [['constructor', 'billing', '--for', 'memory']],
    [['issue', 'billing']],
    [['issue', '--for', 'memory']],
    [['issue', '../x', '--for', 'memory']],
    [['issue', 'Billing', '--for', 'memory']],
    [['issue', 'billing', '--for', 'gateway']],
    [['issue', 'billing', '--for', '../memory']],
    [['issue', 'billing', 'more', '--for', 'memory']],
    [['rotate', 'gateway', '--for', 'memory', '--overlap', '-1']],
    [['rotate', 'gateway', '--for', 'memory', '--overlap', 'soon']],
    [['rotate', 'gateway', '--for', 'memory', '--wrong']],
  ])('refuses %j with its usage', async (args) => {
    const before = await readdir(folder)
    await expect(run(...args)).rejects.toThrow('Usage: npm run service-keys')
    expect(await readdir(folder)).toEqual(before)
  })
})
