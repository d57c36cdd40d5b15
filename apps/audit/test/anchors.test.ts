import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { createNoteSigner, parseVerifierKey, verifyNote } from '@memoric/crypto/signed-note.ts'
import { encodeCheckpoint } from '@memoric/crypto/checkpoint.ts'
import { encodeWitnessRequest } from '@memoric/crypto/witness-request.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { createOutboundFetch } from '@memoric/service/outbound-fetch.ts'
import { splitNotes } from '@memoric/verifier/known-checkpoints.ts'
import { createWitness, type Witness, type WitnessStore } from '@memoric/verifier/witness/witness.ts'
import { startWitness } from '@memoric/verifier/witness/witness-command.ts'
import { createWitnessStore } from '@memoric/verifier/witness/witness-store.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Anchor } from '../src/anchors/anchor.ts'
import { type Anchoring, createAnchoring } from '../src/anchors/anchoring.ts'
import { createFileAnchor } from '../src/anchors/file-anchor.ts'
import { createWebhookAnchor } from '../src/anchors/webhook-anchor.ts'
import { createWitnessAnchor } from '../src/anchors/witness-anchor.ts'
import { latestCheckpoint, type StoredCheckpoint } from '../src/checkpoints/checkpoint-repository.ts'
import { readConsistencyProof } from '../src/proofs/prove.ts'
import { makeEvent } from './make-event.ts'
import { useLog } from './use-log.ts'

const log = useLog()
const fetch = createOutboundFetch({ privateNetworks: true })
const quiet = { warn: () => undefined, info: () => undefined }
const closers: (() => unknown)[] = []
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'memoric-anchors-'))
})
afterAll(async () => {
  await Promise.all(closers.map((close) => close()))
  await rm(folder, { recursive: true })
})

const latest = async () => (await systemTransaction(log.sql, latestCheckpoint))!
async function grown(count = 3): Promise<StoredCheckpoint> {
  await log.append(...Array.from({ length: count }, () => makeEvent()))
  await log.checkpointer.sign()
  return latest()
}

async function listen(answer: (body: string) => number): Promise<string> {
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => response.writeHead(answer(Buffer.concat(parts).toString())).end())
  }).listen(0, '127.0.0.1')
  closers.push(() => server.close())
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a file gets each checkpoint as it is, one after the other', async () => {
  const path = join(folder, 'checkpoints')
  const anchor = createFileAnchor(path)
  const notes = [await grown(), await grown()]
  for (const checkpoint of notes) await anchor.publish(checkpoint)
  expect(splitNotes(await readFile(path, 'utf8'))).toEqual(notes.map(({ note }) => note))
})

test('a webhook gets the checkpoint as text, and one that refuses it has not got it', async () => {
  const got: string[] = []
  const checkpoint = await grown()
  await createWebhookAnchor(await listen((body) => (got.push(body), 204)), fetch).publish(checkpoint)
  expect(got).toEqual([checkpoint.note])
  await expect(createWebhookAnchor(await listen(() => 500), fetch).publish(checkpoint)).rejects.toThrow('500')
})

test('a webhook at a private address is not asked unless that is allowed', async () => {
  const got: string[] = []
  const url = await listen((body) => (got.push(body), 204))
  const anchor = createWebhookAnchor(url, createOutboundFetch({ privateNetworks: false }))
  await expect(anchor.publish(await latest())).rejects.toThrow()
  expect(got).toEqual([])
})

describe('an anchor that fails', () => {
  const checkpoint = (size: number): StoredCheckpoint => ({ size, root: Buffer.alloc(32), note: `${size}` })
  let anchoring: Anchoring

  test('holds up no other, is tried again, and gets the newest then', async () => {
    const got: Record<string, number[]> = { broken: [], whole: [] }
    let isBroken = true
    const broken: Anchor = {
      name: 'broken',
      publish({ size }) {
        if (isBroken) return Promise.reject(new Error('away'))
        return Promise.resolve(void got['broken']!.push(size))
      },
    }
    const whole: Anchor = { name: 'whole', publish: ({ size }) => Promise.resolve(void got['whole']!.push(size)) }
    anchoring = createAnchoring({ anchors: [broken, whole], intervalMs: 5, retryMs: 5, log: quiet })
    anchoring.offer(checkpoint(1))
    await expect.poll(() => got['whole']).toEqual([1])
    await expect.poll(() => anchoring.figures().failing).toBe(1)
    anchoring.offer(checkpoint(2))
    await expect.poll(() => got['whole']).toEqual([1, 2])
    isBroken = false
    await expect.poll(() => got['broken']).toEqual([2])
    expect(anchoring.figures()).toEqual({ failing: 0, published: 3 })
    await anchoring.close()
  })

  test('gets no more than one checkpoint in the time that it is given', async () => {
    const got: number[] = []
    const anchor: Anchor = { name: 'slow', publish: ({ size }) => Promise.resolve(void got.push(size)) }
    anchoring = createAnchoring({ anchors: [anchor], intervalMs: 200, log: quiet })
    for (let size = 1; size <= 50; size += 1) anchoring.offer(checkpoint(size))
    await expect.poll(() => got).toEqual([1, 50])
    await anchoring.close()
  })
})

describe('a witness', () => {
  const seed = randomBytes(32)
  const signer = createNoteSigner('witness.test/w1', seed, { cosigns: true })
  let store: WitnessStore
  let witness: Witness

  beforeEach(async () => {
    store = createWitnessStore(await mkdtemp(join(folder, 'witness-')))
    witness = createWitness({ signer, logs: log.keys.verifiers, store })
  })

  const ask = async (oldSize: number, { note: checkpoint, size }: StoredCheckpoint, proof?: readonly Uint8Array[]) => {
    const honest = () =>
      oldSize === 0 ? [] : systemTransaction(log.sql, (tx) => readConsistencyProof(tx, oldSize, size))
    return witness.addCheckpoint(encodeWitnessRequest({ oldSize, proof: proof ?? (await honest()), checkpoint }))
  }

  test('cosigns the first state that it sees, and each one that continues it, with the time', async () => {
    const [first, second] = [await grown(), await grown()]
    for (const [old, checkpoint] of [
      [0, first],
      [first.size, second],
    ] as const) {
      const { status, body } = await ask(old, checkpoint)
      expect(status).toBe(200)
      const [signature] = verifyNote(checkpoint.note + body, [parseVerifierKey(signer.verifierKey)])
      expect(signature).toMatchObject({ name: 'witness.test/w1', time: expect.any(Number) })
    }
    expect(await ask(second.size, second)).toMatchObject({ status: 200 })
  })

  test('says how far it is to a log that thinks otherwise', async () => {
    const [first, second] = [await grown(), await grown()]
    expect(await ask(3, second)).toEqual({ status: 409, contentType: 'text/x.tlog.size', body: '0\n' })
    await ask(0, first)
    expect(await ask(0, second)).toMatchObject({ status: 409, body: `${first.size}\n` })
    await ask(first.size, second)
    expect(await ask(first.size, second)).toMatchObject({ status: 409, body: `${second.size}\n` })
  })

  test('refuses what does not continue, is not signed, is of a log that it does not know, or cannot be read', async () => {
    const [first, second] = [await grown(), await grown()]
    await ask(0, first)
    expect(await ask(first.size, second, [])).toMatchObject({ status: 422 })
    expect(await ask(first.size, second, [randomBytes(32)])).toMatchObject({ status: 422 })
    const forged = { ...second, note: second.note.replace(/\n\d+\n/, '\n9999\n') }
    expect(await ask(first.size, forged, [])).toMatchObject({ status: 403 })
    const other = createNoteSigner('audit.test/other', randomBytes(32))
    const unknown = { ...second, note: other.sign(encodeCheckpoint({ origin: other.name, ...second })) }
    expect(await ask(0, unknown, [])).toMatchObject({ status: 404 })
    expect(await ask(second.size + 1, second, [])).toMatchObject({ status: 400 })
    expect(await witness.addCheckpoint('nonsense')).toMatchObject({ status: 400 })
  })

  test('does not cosign another log of the same size', async () => {
    const first = await grown()
    await ask(0, first)
    const root = randomBytes(32)
    const fork = {
      ...first,
      root,
      note: log.keys.signer.sign(encodeCheckpoint({ origin: log.keys.signer.name, ...first, root })),
    }
    expect(await ask(first.size, fork, [])).toMatchObject({ status: 409 })
  })

  test('that is asked twice at once cosigns one after the other, and never goes back', async () => {
    const [first, second, third] = [await grown(), await grown(), await grown()]
    await ask(0, first)
    const answers = await Promise.all([ask(first.size, third), ask(first.size, second), ask(first.size, third)])
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const again = createWitness({ signer, logs: log.keys.verifiers, store })
    const kept = await again.addCheckpoint(encodeWitnessRequest({ oldSize: 0, proof: [], checkpoint: first.note }))
    expect(kept).toMatchObject({ status: 409 })
    expect(Number(kept.body)).toBeGreaterThan(first.size)
  })

  test('is asked by the log over HTTP, and its signature is served with the checkpoint from then on', async () => {
    const key = join(folder, 'log-key')
    await writeFile(key, `${log.keys.verifierKeys.join('\n')}\n`)
    const said: string[] = []
    const surroundings = { out: (line: string) => void said.push(line), err: (line: string) => void said.push(line) }
    const server = await startWitness(
      [
        '--name',
        'witness.test/w2',
        '--seed',
        join(folder, 'seed'),
        '--log',
        key,
        '--state',
        join(folder, 'w2'),
        '--port',
        '0',
      ],
      surroundings,
    )
    closers.push(() => server!.close())
    const [verifierKey = ''] = said
    const url = `http://127.0.0.1:${(server!.address() as AddressInfo).port}/`
    const anchor = createWitnessAnchor(log.sql, { verifierKey, url }, fetch)
    for (const round of [1, 2, 3]) {
      const checkpoint = await grown(round * 40)
      await anchor.publish(checkpoint)
      const { note } = await latest()
      const names = verifyNote(note, [...log.keys.verifiers, parseVerifierKey(verifierKey)]).map(({ name }) => name)
      expect(names).toEqual([log.keys.signer.name, 'witness.test/w2'])
    }
    await log.attacker`delete from cosignatures`
    await anchor.publish(await grown())
    expect((await latest()).note).toContain('\u2014 witness.test/w2 ')
  })
})
