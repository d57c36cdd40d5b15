import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Attack } from '@memoric/bench/attack/attack.ts'
import { readMails } from '@memoric/bench/attack/attack-stack.ts'
import { ATTACKS } from '@memoric/bench/attack/cases/attacks.ts'
import { readIssuerKey } from '@memoric/bench/attack/issuer-key.ts'
import { runAttacks } from '@memoric/bench/attack/run-attacks.ts'
import { createTarget, type Target } from '@memoric/bench/attack/target.ts'
import { createServiceKeyFolder } from '@memoric/e2e/service-key-folder.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'

const mails = await mkdtemp(join(tmpdir(), 'memoric-attack-mails-'))
const folder = await createServiceKeyFolder()
// The attacks come from this machine, and nobody stands between.
const settings = { MAIL_DIRECTORY: mails, TRUSTED_PROXIES: '', LOG_LEVEL: 'debug' }
const stack = useStack({ overrides: (app) => ({ ...settings, ...folder.overrides(app) }) })
let target: Target

beforeAll(async () => {
  const { environments, urls } = stack.settings
  const portOf = (url: string) => Number(new URL(url).port)
  target = await createTarget({
    port: portOf(urls.gateway),
    servicePorts: { auth: portOf(urls.auth), memory: portOf(urls.memory), audit: portOf(urls.audit) },
    serviceKeys: {
      auth: await folder.keyOf('gateway', 'auth'),
      memory: await folder.keyOf('gateway', 'memory'),
      audit: await folder.keyOf('gateway', 'audit'),
    },
    issuer: await readIssuerKey(environments.auth),
    logLines: () => Promise.resolve(stack.log.map((line) => line.trimEnd())),
    mailsTo: (address) => readMails(mails, address),
  })
})
afterAll(async () => {
  await target.close()
  await rm(mails, { recursive: true })
  await folder.remove()
})

const fast: readonly Attack[] = ATTACKS.filter(({ slow }) => slow !== true)

test.each([...Map.groupBy(fast, ({ kind }) => kind)])(
  'holds against %s',
  async (_kind, attacks) => {
    const results = await runAttacks(attacks, target, new AbortController().signal)
    expect(results.filter(({ held }) => !held)).toEqual([])
    expect(results).toHaveLength(attacks.length)
  },
  120_000,
)
