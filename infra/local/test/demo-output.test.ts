import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createProgress } from '@memoric/service/progress.ts'
import { expect, test } from 'vitest'
import { shorten, sourceText } from '../src/demo-answers.ts'
import { auditText, readAuditTrail } from '../src/demo-audit.ts'
import { createDemoClient, type DemoClient, type DemoEvent } from '../src/demo-client.ts'
import { readCredentials } from '../src/demo-credentials.ts'
import { freePort } from '../src/free-port.ts'
import { temporaryFolder } from './temporary-folder.ts'

function shown(isTTY: boolean, steps: number[]): string {
  let text = ''
  const progress = createProgress({ isTTY, write: (part) => (text += part) }, 8)
  for (const step of steps) progress(step)
  return text
}

test('progress is one line that is written over on a terminal, and a line for each quarter elsewhere', () => {
  expect(shown(true, [4, 8])).toBe(`\r[${'#'.repeat(20)}${'.'.repeat(20)}] 4/8\r[${'#'.repeat(40)}] 8/8\n`)
  expect(shown(false, [1, 2, 3, 7, 8])).toBe('2 of 8\n7 of 8\n8 of 8\n')
})

test('a text is shortened at a word and never within a character', () => {
  expect(shorten(' one\n two ', 20)).toBe('one two')
  expect(shorten('one two three', 10)).toBe('one two…')
  expect(shorten('😀'.repeat(9), 6).isWellFormed()).toBe(true)
})

test('a source is a place in a file or a commit', () => {
  expect(sourceText({ file: 'a.md', line: 3, heading: null })).toBe('a.md:3')
  expect(sourceText({ file: 'a.md', line: 3, heading: 'Keys' })).toBe('a.md:3  (Keys)')
  expect(sourceText({ commit: 'f'.repeat(40), author_date: '2026-03-04T05:06:07Z' })).toBe(
    'commit ffffffffffff, 2026-03-04',
  )
})

const event: DemoEvent = {
  log_index: 7,
  occurred_at: '2026-03-04T05:06:07Z',
  operation: 'memory.created',
  outcome: 'success',
  actor_type: 'api_key',
  resource_type: 'memory',
  resource_id: 'm1',
  details: { subject_id: 's' },
}

test('the trail of a subject leaves out what happened to others', async () => {
  const search = { ...event, operation: 'memory.searched', resource_id: 's', details: {} }
  const read = { ...event, operation: 'audit.read', resource_id: null, details: {} }
  const other = { ...event, details: { subject_id: 'other' } }
  const client: Pick<DemoClient, 'auditLogs'> = {
    auditLogs: ({ operation }) => Promise.resolve(operation === undefined ? [read, search, other, event] : [search]),
  }
  const options = { subject: 's', since: new Date(), searches: 1, patience: 0 }
  const logs = await readAuditTrail(client, options)
  expect(logs).toEqual([read, search, event])
  expect(auditText(logs, 1)).toContain('1  memory.searched')
})

test('without a running stack the demo says how to start it', async () => {
  const folder = await temporaryFolder()
  const file = join(folder, 'credentials.json')
  await expect(readCredentials(file)).rejects.toThrow('npm start')
  await writeFile(file, '{"url":1}')
  await expect(readCredentials(file)).rejects.toThrow('is damaged')
  const client = createDemoClient({ url: `http://127.0.0.1:${await freePort()}`, apiKey: 'none' })
  await expect(client.assertRunning()).rejects.toThrow('npm start')
})
