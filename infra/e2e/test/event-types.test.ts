import { glob, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { EVENT_TYPES, type EventType } from '@memoric/contracts/event-types.ts'
import { REFUSAL_TYPES } from '@memoric/contracts/refusals.ts'
import { beforeAll, describe, expect, test } from 'vitest'

const repository = fileURLToPath(new URL('../../../', import.meta.url))
const types = Object.entries(EVENT_TYPES)

/** Where the events of an app are made: those of the gateway by auth, which keeps them for it. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  auth: ['apps/auth/src/**/*.ts'],
  memory: ['apps/memory/src/**/*.ts'],
  audit: ['apps/audit/src/**/*.ts'],
  gateway: ['apps/gateway/src/**/*.ts', 'apps/auth/src/gateway-events/*.ts'],
  every: ['packages/service/src/*.ts'],
}

const TESTS = ['apps/*/test/**/*.ts', 'infra/*/test/**/*.ts', 'packages/*/test/**/*.ts']

async function textOf(patterns: readonly string[]): Promise<string> {
  const texts: string[] = []
  for await (const file of glob([...patterns], { cwd: repository })) {
    if (!file.endsWith('event-types.test.ts')) texts.push(await readFile(`${repository}${file}`, 'utf8'))
  }
  return texts.join('\n')
}

/** By its whole name, or by what it begins with where the rest is put in. */
function isNamed(text: string, type: string): boolean {
  return text.includes(type) || text.includes(`\`${type.slice(0, type.lastIndexOf('.'))}.\${`)
}

describe('every type of event', () => {
  const sources = new Map<string, string>()
  let tests = ''

  beforeAll(async () => {
    for (const [app, patterns] of Object.entries(SOURCES)) sources.set(app, await textOf(patterns))
    tests = await textOf(TESTS)
  })

  test.each(types)('%s is emitted by the app that the table names', (type, { app }) => {
    const isMade = isNamed(sources.get(app) ?? '', type)
    const isRefusal = app === 'gateway' && (REFUSAL_TYPES as readonly string[]).includes(type)
    expect(isMade || isRefusal).toBe(true)
  })

  test.each(types.map(([type]) => type as EventType))('%s is seen in a test', (type) => {
    expect(isNamed(tests, type)).toBe(true)
  })
})
