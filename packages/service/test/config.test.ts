import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ConfigError, flag, integer, key256, list, loadConfig, serverConfig, serviceKeyHashes } from '../src/config.ts'

const SECRET = 'planted-s3cret-value'
const folder = mkdtempSync(join(tmpdir(), 'config-'))
afterAll(() => rmSync(folder, { recursive: true }))

function fileWith(text: string): string {
  const path = join(folder, `value-${Math.random()}`)
  writeFileSync(path, text)
  return path
}

function failure(schema: z.ZodObject, env: Record<string, string>): ConfigError {
  try {
    loadConfig(schema, env)
  } catch (error) {
    if (error instanceof ConfigError) return error
  }
  throw new Error('did not fail with ConfigError')
}

describe('the configuration', () => {
  const schema = z.object({ TOKEN: z.string().min(1), PORT: integer(1, 65_535).default(3456) })

  test('takes the variables of its schema and no others', () => {
    expect(loadConfig(schema, { TOKEN: 'x', PORT: '80', HOME: '/' })).toEqual({ TOKEN: 'x', PORT: 80 })
  })

  test('takes an empty variable as none', () => {
    expect(loadConfig(schema, { TOKEN: 'x', TOKEN_FILE: '', PORT: '' })).toEqual({ TOKEN: 'x', PORT: 3456 })
    expect(failure(schema, { TOKEN: '' }).message).toContain('TOKEN')
  })

  test.each([
    ['without a line break', 'a b\n c', 'a b\n c'],
    ['with one', `${SECRET}\n`, SECRET],
    ['with one of Windows', `${SECRET}\r\n`, SECRET],
    ['with two, of which the last goes', 'x\n\n', 'x\n'],
  ])('reads a variable from a file %s', (_how, text, value) => {
    expect(loadConfig(schema, { TOKEN_FILE: fileWith(text), TOKEN: '' }).TOKEN).toBe(value)
  })

  test('refuses an empty file where a value is needed', () => {
    expect(failure(schema, { TOKEN_FILE: fileWith('\n') }).message).toContain('TOKEN')
  })

  test('refuses a variable that is set and given as a file', () => {
    const error = failure(schema, { TOKEN: SECRET, TOKEN_FILE: fileWith(SECRET) })
    expect(error.message).toBe('Set TOKEN or TOKEN_FILE, not both.')
  })

  test('refuses a file that cannot be read, and says which variable names it', () => {
    expect(failure(schema, { TOKEN_FILE: join(folder, 'missing') }).message).toContain('TOKEN_FILE')
    expect(failure(schema, { TOKEN_FILE: folder }).message).toContain('TOKEN_FILE')
  })

  test('names every variable that is wrong at once', () => {
    const { message } = failure(schema, { PORT: 'eighty' })
    expect(message).toContain('TOKEN')
    expect(message).toContain('PORT: must be a whole number')
  })

  test.each([
    ['a number', { V: integer(1, 9) }, SECRET],
    ['a number out of range', { V: integer(1, 9) }, '777'],
    ['a flag', { V: flag }, SECRET],
    ['a key', { V: key256 }, SECRET],
    ['a key that is not random', { V: key256 }, Buffer.alloc(32, 7).toString('base64')],
    ['hashes that are no JSON', { V: serviceKeyHashes }, SECRET],
    ['hashes that are no object', { V: serviceKeyHashes }, JSON.stringify([SECRET])],
    ['a hash that is none', { V: serviceKeyHashes }, JSON.stringify({ gateway: SECRET })],
    [
      'a list with a hash that is none',
      { V: serviceKeyHashes },
      JSON.stringify({ gateway: ['ab'.repeat(32), SECRET] }),
    ],
    ['hashes the wrong way round', { V: serviceKeyHashes }, JSON.stringify({ [SECRET]: 'gateway' })],
    ['a level', { V: serverConfig.LOG_LEVEL }, SECRET],
    ['a short token', { V: serverConfig.METRICS_TOKEN }, 'tok3n'],
  ])('never prints the value of %s', (_what, shape, value) => {
    const error = failure(z.object(shape), { V: value })
    expect(error.message).toContain('V')
    const parts = [value, SECRET].filter((part) => error.message.includes(part))
    expect(parts).toEqual([])
    expect(error.cause).toBeUndefined()
  })

  test('reads flags, lists, numbers, keys and hashes', () => {
    const key = Buffer.from(Array.from({ length: 32 }, (_, index) => index))
    const [one, another] = ['ab'.repeat(32), 'cd'.repeat(32)]
    const hashes = { gateway: one, billing: [one, another], nobody: [] }
    const shape = z.object({ A: flag, B: list, C: integer(0, 10), D: key256, E: serviceKeyHashes })
    const env = { A: 'false', B: ' a, b,,c ', C: '010', D: key.toString('base64'), E: JSON.stringify(hashes) }
    expect(loadConfig(shape, env)).toEqual({
      A: false,
      B: ['a', 'b', 'c'],
      C: 10,
      D: key,
      E: { ...hashes, gateway: [one] },
    })
  })

  test('of a server listens on this machine only, unless told otherwise', () => {
    expect(loadConfig(z.object(serverConfig), {})).toEqual({
      NODE_ENV: 'development',
      HOST: '127.0.0.1',
      LOG_LEVEL: 'info',
    })
  })
})
