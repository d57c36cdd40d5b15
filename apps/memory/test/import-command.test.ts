import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createHash, randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import { Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { describe, expect, test } from 'vitest'
import { runMemoryOperator } from '../src/operator/run-memory-operator.ts'
import { processSettings } from './memory-settings.ts'
import { rememberMany } from './stored-segments.ts'
import { temporaryPath } from './temporary-path.ts'
import { download, exportedLines, linesOf, madeExport, type ParsedLine } from './use-exports.ts'
import { call, contents, newCaller, remember, search, useMemory } from './use-memory.ts'

const memory = useMemory()

interface Ran {
  readonly code: number
  readonly out: string[]
  readonly err: string[]
  readonly shown: string
}

async function run(...args: string[]): Promise<Ran> {
  const [out, err]: [string[], string[]] = [[], []]
  let shown = ''
  const env = { ...processSettings, ...memory.settings() }
  const screen = { isTTY: true, write: (text: string) => (shown += text) }
  const around = { env, screen, out: (line: string) => out.push(line), err: (line: string) => err.push(line) }
  return { code: await runMemoryOperator(args, around), out, err, shown }
}

const importInto = ({ tenantId }: Caller, file: string, ...more: string[]) =>
  run('import', file, '--tenant', tenantId, ...more)

/** A tenant with some of everything. */
async function fill(): Promise<Caller> {
  const caller = newCaller()
  await rememberMany(memory.app, caller, 450, { metadata: { deep: { list: [1, 'zwei', null] } }, tags: ['a'] })
  const { body } = await remember(memory.app, caller, { content: 'first', subject_id: 'bob', importance: 0.123456 })
  for (const n of [2, 3, 4])
    await call(memory.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content: `version ${n}` })
  await remember(memory.app, caller, { content: 'twice', subject_id: 'bob', thread_id: 't' })
  await remember(memory.app, caller, { content: 'twice', subject_id: 'bob', thread_id: 't' })
  const odd = {
    content: 'a\u2028b\r\n\t"\\\u0001\u{1f600}',
    metadata: { '': [1e21, 0.1, -5, '\u2029'], a: { b: { c: [[[]]] } } },
  }
  await remember(memory.app, caller, { ...odd, subject_id: 'bob', tags: ['\u00e9', 'e\u0301'] })
  await remember(memory.app, caller, { content: '\u{1f600}'.repeat(8192), subject_id: 'bob', importance: 1 / 3 })
  const consents = '/v1/privacy/subjects/bob/consents'
  const evidence = { form: 'signed', pages: [1, 2] }
  await call(memory.app, caller, 'PUT', consents, { purpose: 'memory', status: 'granted', evidence })
  await call(memory.app, caller, 'PUT', consents, { purpose: 'newsletter', status: 'granted' })
  await call(memory.app, caller, 'PUT', consents, { purpose: 'memory', status: 'withdrawn' })
  await remember(memory.app, caller, { content: 'with an end', subject_id: 'zoë ☕', ttl_seconds: 86_400 })
  return caller
}

async function exportFile(caller: Caller): Promise<string> {
  const { id } = await madeExport(memory, caller)
  const path = await temporaryPath('export.ndjson')
  await writeFile(path, (await download(memory, caller, id)).rawPayload)
  return path
}

/** A file with other lines, and with the trailer that belongs to them unless another is given. */
async function rewrite(path: string, change: (lines: ParsedLine[]) => (ParsedLine | string)[], isSealed = true) {
  const lines = change(linesOf(await readFile(path, 'utf8')).slice(0, -1))
  const text = lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('')
  const counts: Record<string, number> = {}
  for (const line of lines.slice(1)) if (typeof line !== 'string') counts[line.type] = (counts[line.type] ?? 0) + 1
  const sha256 = createHash('sha256').update(text).digest('hex')
  const trailer = JSON.stringify({ type: 'trailer', lines: lines.length, counts, sha256 })
  const other = await temporaryPath('other.ndjson')
  await writeFile(other, isSealed ? `${text}${trailer}\n` : text)
  return other
}

const rowsOf = (tenantId: string) => memory.admin<
  { subject_id: string; memories: number; bytes: number; real: number; size: number }[]
>`
  select s.subject_id, s.memories::int, s.bytes::int,
    (select count(*)::int from memories m where m.tenant_id = s.tenant_id and m.subject_id = s.subject_id) as real,
    (select coalesce(sum(octet_length(sealed)), 0)::int from (
      select sealed from memories m where m.tenant_id = s.tenant_id and m.subject_id = s.subject_id
      union all select sealed from memory_versions v where v.tenant_id = s.tenant_id and v.subject_id = s.subject_id
    ) as boxes) as size
  from subjects s where tenant_id = ${tenantId} order by subject_id`

describe('an export that is imported', () => {
  test('into an empty tenant gives the same lines when it is exported again', async () => {
    const [from, to] = [await fill(), newCaller()]
    const file = await exportFile(from)
    const { code, out, err } = await importInto(to, file)
    expect({ code, err }).toEqual({ code: 0, err: [] })
    expect(out).toEqual([
      'subjects: 3',
      'memories: 455 made, 0 there already, 0 expired and left out',
      'replaced versions: 3 made',
      'records of consents: 3 made',
    ])
    expect(await exportedLines(memory, to)).toEqual(linesOf(await readFile(file, 'utf8')).slice(1, -1))
    for (const row of await rowsOf(to.tenantId)) expect([row.memories, row.bytes]).toEqual([row.real, row.size])
    expect(contents(await search(memory.app, to, { query: 'tea', subject_id: 'ada' }))).toHaveLength(10)
    const asBob = await call<{ code: string }>(memory.app, to, 'GET', '/v1/memories?subject_id=bob')
    expect(asBob.body.code).toBe('consent_withdrawn')
  })

  test('twice makes nothing twice, and leaves what was changed since as it is', async () => {
    const [from, to] = [await fill(), newCaller()]
    const file = await exportFile(from)
    await importInto(to, file)
    const [one] = await exportedLines(memory, to, { subject_id: 'bob' })
    await call(memory.app, to, 'PATCH', `/v1/memories/${String(one!.id)}`, { content: 'changed since' })
    const before = await exportedLines(memory, to)
    const { out } = await importInto(to, file)
    expect(out[1]).toBe('memories: 0 made, 455 there already, 0 expired and left out')
    expect(await exportedLines(memory, to)).toEqual(before)
  })

  test('numbers memories anew without gaps, after those that are there', async () => {
    const [from, to] = [newCaller(), newCaller()]
    const made = await rememberMany(memory.app, from, 5)
    for (const at of [0, 2]) await call(memory.app, from, 'DELETE', `/v1/memories/${made[at]!.id}`)
    await remember(memory.app, to, { content: 'was there', subject_id: 'ada' })
    await importInto(to, await exportFile(from))
    const lines = await exportedLines(memory, to)
    expect(lines.map(({ seq, content }) => [seq, content])).toEqual([
      [1, 'was there'],
      [2, 'note w1 about tea'],
      [3, 'note w3 about tea'],
      [4, 'note w4 about tea'],
    ])
  })

  test('gets another id where another memory of the tenant has its own, always the same', async () => {
    const [from, to] = [newCaller(), newCaller()]
    const { body } = await remember(memory.app, from, { content: 'mine', subject_id: 'ada' })
    const file = await exportFile(from)
    await remember(memory.app, to, { content: 'yours', subject_id: 'bob' })
    await memory.admin`update memories set id = ${body.id} where tenant_id = ${to.tenantId}`
    await importInto(to, file)
    const [mine] = await exportedLines(memory, to, { subject_id: 'ada' })
    expect(mine!.content).toBe('mine')
    expect(mine!.id).not.toBe(body.id)
    expect((await importInto(to, file)).out[1]).toContain('0 made, 1 there already')
  })

  test('leaves out what has expired meanwhile', async () => {
    const [from, to] = [newCaller(), newCaller()]
    await remember(memory.app, from, { content: 'ends', subject_id: 'ada', ttl_seconds: 60 })
    const expires_at = new Date(Date.now() - 1000).toISOString()
    const file = await rewrite(await exportFile(from), ([header, one]) => [header!, { ...one!, expires_at }])
    expect((await importInto(to, file)).out[1]).toBe('memories: 0 made, 0 there already, 1 expired and left out')
  })

  test('has an event for each batch, which names the memories and the operator and tells nothing of what is in them', async () => {
    const [from, to] = [await fill(), newCaller()]
    await importInto(to, await exportFile(from))
    const events = (await memory.events('memory.imported')).filter(({ tenantid }) => tenantid === to.tenantId)
    const ids = events.flatMap(({ data }) => data.details.ids as string[])
    const rows = await memory.admin<{ id: string }[]>`select id from memories where tenant_id = ${to.tenantId}`
    expect(ids.toSorted()).toEqual(rows.map(({ id }) => id).toSorted())
    expect(events.every(({ actor }) => actor.startsWith('operator:'))).toBe(true)
    expect(JSON.stringify(events)).not.toContain('version 4')
    for (const event of events) expect(JSON.stringify(event).length).toBeLessThan(32_768)
  })

  test('is decrypted with an identity of age', async () => {
    const [from, to] = [newCaller(), newCaller()]
    await rememberMany(memory.app, from, 300)
    const plain = await exportFile(from)
    const [identity, encrypter] = [await generateX25519Identity(), new Encrypter()]
    encrypter.addRecipient(await identityToRecipient(identity))
    const [file, keyFile] = [await temporaryPath('export.age'), await temporaryPath('key.txt')]
    await writeFile(file, await encrypter.encrypt(new Uint8Array(await readFile(plain))))
    await writeFile(keyFile, `# created: today\n${identity}\n`)
    expect((await importInto(to, file)).err[0]).toContain('--identity')
    expect((await importInto(to, file, '--identity', keyFile)).code).toBe(0)
    expect(await exportedLines(memory, to)).toHaveLength(300)
    await writeFile(keyFile, await generateX25519Identity())
    expect(await importInto(to, file, '--identity', keyFile)).toMatchObject({
      code: 1,
      err: ['The file cannot be decrypted with this identity.'],
    })
  })

  test('goes on after it was killed, and nothing is there twice', async () => {
    const [from, to] = [newCaller(), newCaller()]
    await rememberMany(memory.app, from, 3000)
    const file = await exportFile(from)
    const program = fileURLToPath(new URL('../src/operator/main.ts', import.meta.url))
    const env = { ...processSettings, ...memory.settings() }
    const child = spawn(process.execPath, [program, 'import', file, '--tenant', to.tenantId], { env, stdio: 'ignore' })
    const count = async () => (await memory.admin`select 1 from memories where tenant_id = ${to.tenantId}`).length
    await expect.poll(count, { timeout: 20_000, interval: 10 }).toBeGreaterThan(0)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect((await importInto(to, file)).code).toBe(0)
    expect(await exportedLines(memory, to)).toEqual(linesOf(await readFile(file, 'utf8')).slice(1, -1))
    const events = (await memory.events('memory.imported')).filter(({ tenantid }) => tenantid === to.tenantId)
    expect(events.flatMap(({ data }) => data.details.ids as string[])).toHaveLength(3000)
  })

  test('by two at once is there once', async () => {
    const [from, to] = [await fill(), newCaller()]
    const file = await exportFile(from)
    const both = await Promise.all([importInto(to, file), importInto(to, file)])
    expect(both.map(({ code }) => code)).toEqual([0, 0])
    expect(await exportedLines(memory, to)).toEqual(linesOf(await readFile(file, 'utf8')).slice(1, -1))
  })
})

describe('a file that is wrong', () => {
  type Change = (lines: ParsedLine[]) => (ParsedLine | string)[]
  const at =
    (n: number, more: object): Change =>
    (lines) =>
      lines.map((line, i) => (i === n ? { ...line, ...more } : line))
  const wrong: [string, Change, boolean, string][] = [
    ['has no trailer', (lines) => lines, false, 'The file was cut off: it has no trailer.'],
    ['has content of the wrong type', at(4, { content: 7 }), true, 'line 5: /content'],
    ['has a field that nobody knows', at(4, { extra: 1 }), true, 'line 5: /extra is not a known field'],
    ['has a time that is none', at(2, { created_at: 'yesterday' }), true, 'line 3: /created_at'],
    ['has too much content', at(2, { content: 'x'.repeat(40_000) }), true, 'line 3: /content must have at most'],
    [
      'has a line that is no JSON',
      (lines) => [...lines.slice(0, 3), '{"type":', ...lines.slice(3)],
      true,
      'line 4: it does not parse',
    ],
    ['has a line of another kind', at(2, { type: 'invoice' }), true, 'line 3: is of no known type'],
    ['has another header', at(0, { version: 2 }), true, 'line 1: /version'],
    ['is of another format', at(0, { format: 'x' }), true, 'line 1: /format'],
    ['has one memory twice', (lines) => [...lines, lines.at(-1)!], true, 'is that of a line before'],
    ['has a version on its own', (lines) => [...lines, { ...lines[1]!, type: 'memory_version' }], true, 'line 22: '],
    ['is empty', () => [], false, 'The file was cut off'],
  ]

  test.each(wrong)('%s', async (_what, change, isSealed, message) => {
    const [from, to] = [newCaller(), newCaller()]
    await rememberMany(memory.app, from, 20)
    const file = await rewrite(await exportFile(from), change, isSealed)
    const { code, err } = await importInto(to, file)
    expect(err.join()).toContain(message)
    expect(code).toBe(1)
    const rows = await memory.admin`select 1 from memories where tenant_id = ${to.tenantId}`
    expect(rows).toHaveLength(0)
  })

  test('was changed by hand or cut off', async () => {
    const [from, to] = [newCaller(), newCaller()]
    await rememberMany(memory.app, from, 20)
    const path = await exportFile(from)
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replace('note w3', 'NOTE w3'))
    expect((await importInto(to, path)).err).toEqual(['line 22: the check sum is another one: the file was changed'])
    await writeFile(path, text.slice(0, -30))
    expect((await importInto(to, path)).err).toEqual(['line 22: has no end: the file was cut off'])
    await writeFile(path, `${text}${text}`)
    expect((await importInto(to, path)).err).toEqual(['line 23: comes after the trailer'])
    expect(await memory.admin`select 1 from subjects where tenant_id = ${to.tenantId}`).toHaveLength(0)
  })

  test('is not there', async () => {
    expect((await importInto(newCaller(), '/nowhere/at/all')).err).toEqual(['The file /nowhere/at/all cannot be read.'])
  })
})

test('a dry run says what would be done and does none of it', async () => {
  const [from, to] = [await fill(), newCaller()]
  const file = await exportFile(from)
  const { code, out } = await importInto(to, file, '--dry-run')
  expect([code, out[1]]).toEqual([0, 'memories: 455 would be made, 0 there already, 0 expired and left out'])
  for (const table of ['subjects', 'memories', 'subject_keys', 'tenant_keys']) {
    const rows = await memory.admin`select 1 from ${memory.admin(table)} where tenant_id = ${to.tenantId}`
    expect(rows, table).toHaveLength(0)
  }
  await importInto(to, file)
  expect((await importInto(to, file, '--dry-run')).out).toEqual([
    'subjects: 3',
    'memories: 0 would be made, 455 there already, 0 expired and left out',
    'replaced versions: 0 would be made',
    'records of consents: 0 would be made',
  ])
})

test('progress ends when everything is done, and is lines where there is no terminal', async () => {
  const [from, to] = [newCaller(), newCaller()]
  await rememberMany(memory.app, from, 700)
  const file = await exportFile(from)
  expect((await importInto(to, file)).shown).toMatch(/\[#{11}\.+\] 201\/702.*\[#{40}\] 702\/702\n$/s)
  const program = fileURLToPath(new URL('../src/operator/main.ts', import.meta.url))
  const env = { ...processSettings, ...memory.settings() }
  const started = promisify(execFile)(process.execPath, [program, 'import', file, '--tenant', newCaller().tenantId], {
    env,
  })
  expect((await started).stderr).toMatch(/^\d+ of 702\n(?:\d+ of 702\n)*702 of 702\n$/)
})

test('says what is wrong with a command', async () => {
  const { tenantId } = newCaller()
  for (const args of [
    ['import'],
    ['import', 'file'],
    ['import', 'file', '--tenant', 'x'],
    ['import', 'file', 'other', '--tenant', tenantId],
    ['import', 'file', '--tenant', tenantId, '--force'],
    ['import-python', '--tenant', tenantId],
    ['keys', 'rotate', randomUUID().toUpperCase()],
    ['export'],
  ]) {
    expect((await run(...args)).code, args.join(' ')).toBe(2)
  }
})
