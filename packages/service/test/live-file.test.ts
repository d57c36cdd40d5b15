import { mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { followFile, type LiveFile } from '../src/live-file.ts'
import { captureLog, type CapturedLog } from './captured-log.ts'

let folder: string
let path: string
let file: LiveFile<number>
let captured: CapturedLog

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'memoric-live-'))
})
afterAll(() => rm(folder, { recursive: true }))
beforeEach(async () => {
  path = join(folder, 'number')
  await rm(path, { force: true })
  await writeFile(path, '1\n')
  captured = captureLog()
  file = follow(path)
})
afterEach(() => file.close())

function follow(at: string | null): LiveFile<number> {
  return followFile({ path: at, initial: 1, parse, log: captured.log, everyMs: 10 })
}

function parse(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error('not a number')
  return Number(text)
}

function becomes(value: number): Promise<void> {
  return expect.poll(() => file.current()).toBe(value)
}

/** Waits until the log says `times` times that the file cannot be used. */
function complains(times: number): Promise<void> {
  return expect.poll(() => captured.text().split('cannot be used').length - 1).toBe(times)
}

test('what is written into the file is in use soon', async () => {
  expect(file.current()).toBe(1)
  await writeFile(path, '2')
  await becomes(2)
})

test('so is a file that takes its place, also behind a link', async () => {
  await writeFile(join(folder, 'next'), '3')
  await rename(join(folder, 'next'), path)
  await becomes(3)
  await writeFile(join(folder, 'target'), '4')
  await unlink(path)
  await symlink(join(folder, 'target'), path)
  await becomes(4)
})

test.each(['', '\n', 'x', '1x', '{}'])('a file with %j leaves what was, and says so once', async (text) => {
  await writeFile(path, text)
  await complains(1)
  expect(file.current()).toBe(1)
  await new Promise((resolve) => setTimeout(resolve, 100))
  await complains(1)
  await writeFile(path, '22')
  await becomes(22)
})

test('a file that is gone leaves what was', async () => {
  await unlink(path)
  await complains(1)
  expect(file.current()).toBe(1)
  await writeFile(path, '5')
  await becomes(5)
})

test('what the file holds is never logged', async () => {
  await writeFile(path, 'ms_gateway_secret')
  await complains(1)
  expect(captured.text()).not.toContain('ms_gateway_secret')
})

test('without a file the value stays', () => {
  const constant = follow(null)
  expect(constant.current()).toBe(1)
  constant.close()
})
