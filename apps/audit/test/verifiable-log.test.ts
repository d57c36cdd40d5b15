import { parseCheckpoint } from '@memoric/crypto/checkpoint.ts'
import { hashLeaf } from '@memoric/crypto/merkle-hash.ts'
import { verifyConsistency, verifyInclusion } from '@memoric/crypto/merkle-proof.ts'
import { appendLeaves, EMPTY_TREE, rootOf } from '@memoric/crypto/merkle-tree.ts'
import { canonicalJson } from '@memoric/crypto/canonical-json.ts'
import { commitTo } from '@memoric/crypto/commitment.ts'
import { parseVerifierKey, verifyNote } from '@memoric/crypto/signed-note.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { afterEach, describe, expect, test } from 'vitest'
import { rotateCheckpointKey } from '../src/checkpoints/checkpoint-keys.ts'
import { latestCheckpoint } from '../src/checkpoints/checkpoint-repository.ts'
import { createCheckpointer } from '../src/checkpoints/checkpointer.ts'
import { ForkedLogError } from '../src/checkpoints/sign-checkpoint.ts'
import { takeIn } from '../src/log/take-in.ts'
import { openDisclosure } from '../src/personal/seal-personal.ts'
import { readConsistencyProof, readInclusionProof } from '../src/proofs/prove.ts'
import { canonicalOf, type StoredLine } from '../src/tree/canonical-line.ts'
import { linesFrom } from '../src/tree/line-repository.ts'
import { readState } from '../src/tree/log-state.ts'
import { takeInOlderLines } from '../src/tree/older-lines.ts'
import { makeEvent, TENANT_A, TENANT_B } from './make-event.ts'
import { ORIGIN, useLog } from './use-log.ts'

const log = useLog()
const events = (count: number) =>
  Array.from({ length: count }, (_, at) => makeEvent({}, { tenantId: at % 3 === 0 ? TENANT_B : TENANT_A }))
const inSystem = <T>(work: Parameters<typeof systemTransaction<T>>[1]) => systemTransaction(log.sql, work)
const allLines = () => inSystem((tx) => linesFrom(tx, 0, 1_000_000))

/** The tree as anybody would build it from the lines alone. */
function treeOf(lines: readonly Pick<StoredLine, 'canonical'>[]) {
  return appendLeaves(
    EMPTY_TREE,
    lines.map(({ canonical }) => hashLeaf(Buffer.from(canonical!))),
  )
}

async function signed() {
  await log.checkpointer.sign()
  const latest = await inSystem(latestCheckpoint)
  return latest!
}

describe('the tree', () => {
  test('holds the canonical text of each line, whatever the sizes of the batches', async () => {
    for (const size of [1, 2, 255, 300, 1, 700]) await log.append(...events(size))
    const lines = await allLines()
    const { size, tree } = await inSystem(readState)
    expect([size, tree.size]).toEqual([lines.length, lines.length])
    expect(rootOf(tree)).toEqual(rootOf(treeOf(lines)))
  })

  test('has a leaf that is RFC 8785 JSON of everything that the line says', async () => {
    for (const line of await allLines()) {
      const leaf = JSON.parse(line.canonical!) as Record<string, unknown>
      expect(line.canonical).toBe(canonicalJson(leaf))
      const { canonical: _canonical, occurred_at, received_at, ...columns } = line
      expect(leaf).toEqual({
        ...columns,
        occurred_at: occurred_at.toISOString(),
        received_at: received_at.toISOString(),
        form: 1,
        nonce: expect.stringMatching(/^[\w+/]{22}==$/),
        personal_commitment: expect.stringMatching(/^[\w+/]{43}=$/),
      })
    }
  })

  test('is the same whichever of two appenders at once was first', async () => {
    const many = events(400).map(({ subject, payload }) => ({ subject, data: Buffer.from(payload) }))
    await Promise.all([0, 100, 200].map((from) => takeIn(log.intake, many.slice(from, from + 200))))
    const lines = await allLines()
    const { tree } = await inSystem(readState)
    expect(lines.map(({ log_index }) => log_index)).toEqual(lines.map((_, at) => at))
    expect(rootOf(tree)).toEqual(rootOf(treeOf(lines)))
  })

  test('does not grow when nothing of a transaction is kept', async () => {
    const before = await inSystem(readState)
    await log.attacker`alter table audit_logs add constraint unlucky check (resource_id <> 'unlucky')`
    const [unlucky] = [makeEvent({ resourceId: 'unlucky' })]
    await takeIn(log.intake, [{ subject: unlucky.subject, data: Buffer.from(unlucky.payload) }])
    await log.attacker`alter table audit_logs drop constraint unlucky`
    expect(await inSystem(readState)).toEqual(before)
  })
})

describe('personal data', () => {
  test('can be proven to be that of its line with the salt beside it, and nothing else can', async () => {
    await log.append(makeEvent({ email: 'ada@example.org' }, { principal: { type: 'user', id: 'grace' } }))
    const [row] = await log.attacker<
      { canonical: string; sealed: Buffer; wrapped: Buffer; key: string; event: string }[]
    >`
      select canonical, sealed, wrapped, actor_keys.key_id as key, event_id as event from audit_logs
      join personal_data using (tenant_id, event_id) join actor_keys using (tenant_id, actor)
      order by log_index desc limit 1`
    const { canonical, sealed, wrapped, key: keyId, event: eventId } = row!
    const place = { tenantId: TENANT_A, actor: 'user:grace', eventId }
    const { key } = log.intake.actorKeys.open({ tenantId: TENANT_A, actor: 'user:grace', keyId, wrapped })
    const { salt, personal } = openDisclosure(key, place, sealed)
    expect(personal).toMatchObject({ email: 'ada@example.org' })
    const { personal_commitment: commitment } = JSON.parse(canonical) as { personal_commitment: string }
    expect(commitTo(Buffer.from(salt!, 'base64'), personal)).toBe(commitment)
    expect(commitTo(Buffer.from(salt!, 'base64'), { ...personal, email: 'eve@example.org' })).not.toBe(commitment)
  })

  test('may be erased: the leaf stays what it was', async () => {
    const before = await inSystem(readState)
    await log.attacker`delete from actor_keys where actor = 'user:grace'`
    expect(rootOf(treeOf(await allLines()))).toEqual(rootOf(before.tree))
  })
})

describe('checkpoints', () => {
  test('are signed notes of the origin, size and root of the log', async () => {
    const { size, note } = await signed()
    const { tree } = await inSystem(readState)
    expect(parseCheckpoint(note)).toEqual({ origin: ORIGIN, size, root: rootOf(tree) })
    expect(verifyNote(note, [parseVerifierKey(log.keys.verifierKeys[0]!)])).toEqual([{ name: ORIGIN }])
  })

  test('are not repeated while the log does not grow', async () => {
    const before = await signed()
    expect(await signed()).toEqual(before)
  })

  test('follow a log that grows within moments, however often it is told, at a bounded rate', async () => {
    const made: number[] = []
    const quick = createCheckpointer({
      sql: log.sql,
      credentials: log.credentials,
      keys: log.keys,
      log: { error: () => undefined, warn: () => undefined },
      intervalMs: 100,
      onCheckpoint: ({ size }) => void made.push(size),
    })
    for (let round = 0; round < 20; round += 1) {
      await log.append(...events(1))
      quick.wake()
    }
    const { size } = await inSystem(readState)
    await expect.poll(() => made.at(-1)).toBe(size)
    expect(made.length).toBeLessThan(20)
    await quick.close()
  })

  test('are signed by the new key after a rotation, and the old ones can still be checked', async () => {
    const before = await signed()
    const rotation = await inSystem((tx) => rotateCheckpointKey(tx, log.credentials))
    expect(rotation).toMatchObject({ version: 2, before: log.keys.verifierKeys[0] })
    await log.append(...events(1))
    const after = await signed()
    expect(verifyNote(after.note, [parseVerifierKey(rotation!.verifierKey)])).toEqual([{ name: ORIGIN }])
    expect(verifyNote(after.note, [parseVerifierKey(rotation!.before)])).toEqual([])
    expect(verifyNote(before.note, [parseVerifierKey(rotation!.before)])).toEqual([{ name: ORIGIN }])
  })

  test('are rotated once by two operators at once', async () => {
    const rotations = await Promise.allSettled(
      [1, 2].map(() => inSystem((tx) => rotateCheckpointKey(tx, log.credentials))),
    )
    const made = rotations.flatMap((one) => (one.status === 'fulfilled' && one.value !== undefined ? one.value : []))
    expect(new Set(made.map(({ version }) => version)).size).toBe(made.length)
    const [row] = await log.attacker`select count(*)::int, max(version)::int as top from checkpoint_keys`
    expect(row).toEqual({ count: row!.top, top: row!.top })
  })
})

describe('proofs', () => {
  test('of any line verify under the checkpoint, and only for that line', async () => {
    const { size, root } = await signed()
    const lines = await allLines()
    for (const index of [0, 1, 255, 256, 257, 511, 1000, size - 2, size - 1]) {
      const path = await inSystem((tx) => readInclusionProof(tx, index, size))
      const leaf = hashLeaf(Buffer.from(canonicalOf(lines[index]!)))
      expect(verifyInclusion(leaf, index, size, path, root)).toBe(true)
      expect(verifyInclusion(leaf, (index + 1) % size, size, path, root)).toBe(false)
    }
  })

  test('show that each checkpoint continues every one before it', async () => {
    await log.append(...events(3))
    await signed()
    const heads = await log.attacker<{ size: number; root: Buffer }[]>`
      select size::int, root from checkpoints where size > 0 order by size`
    expect(heads.length).toBeGreaterThan(4)
    for (const to of heads) {
      for (const from of heads.filter(({ size }) => size <= to.size)) {
        const path = await inSystem((tx) => readConsistencyProof(tx, from.size, to.size))
        expect(verifyConsistency(from, to, path)).toBe(true)
      }
    }
  })
})

describe('what does not continue the signed log is not signed any more', () => {
  const kept = ['log_state', 'log_tiles', 'checkpoints']
  const forge = async (attack: () => Promise<unknown>) => {
    await signed()
    await log.append(...events(1))
    for (const table of kept) await log.attacker.unsafe(`create table kept_${table} as table ${table}`)
    await attack()
    await expect(log.checkpointer.sign()).rejects.toBeInstanceOf(ForkedLogError)
  }
  afterEach(async () => {
    for (const table of kept) await log.attacker.unsafe(`truncate ${table} cascade`)
    for (const table of kept) await log.attacker.unsafe(`insert into ${table} select * from kept_${table}`)
    for (const table of kept) await log.attacker.unsafe(`drop table kept_${table}`)
  })

  test('a tile that was changed', async () => {
    await forge(async () => {
      await log.attacker`update log_tiles set hashes = overlay(hashes placing '\\x00'::bytea from 1) where level = 0`
    })
  })

  test('a tree that was made smaller', async () => {
    await forge(async () => {
      await log.attacker`update log_state set tree_size = 1, peaks = substring(peaks from 1 for 32)`
    })
  })

  test('a tree smaller than what this process signed, also when the checkpoints are gone', async () => {
    await forge(async () => {
      await log.attacker`truncate checkpoints cascade`
      await log.attacker`update log_state set tree_size = 1, peaks = substring(peaks from 1 for 32)`
    })
  })

  test('a checkpoint that somebody else wrote', async () => {
    await forge(async () => {
      await log.attacker`insert into checkpoints select size + 1, root, note, created_at from checkpoints order by size desc limit 1`
    })
  })
})

describe('lines from before the tree', () => {
  /** As an older version would have left it: lines without canonical text, a tree of nothing. */
  async function forgetTree() {
    await log.attacker`update audit_logs set canonical = null where log_index < 700`
    await log.attacker`update log_state set tree_size = 0, peaks = ''`
    await log.attacker`truncate log_tiles, checkpoints cascade`
  }

  test('are taken into the tree in their order, and give the same root however often', async () => {
    await forgetTree()
    const total = (await allLines()).length
    expect(await takeInOlderLines(log.sql)).toBe(total)
    const once = await inSystem(readState)
    expect(await takeInOlderLines(log.sql)).toBe(0)
    await forgetTree()
    await takeInOlderLines(log.sql)
    expect(await inSystem(readState)).toEqual(once)
    expect(once.tree.size).toBe(total)
  })

  test('come before the next line when a process of the older version appended meanwhile', async () => {
    await forgetTree()
    await log.append(...events(2))
    const { size, tree } = await inSystem(readState)
    expect(tree.size).toBe(size)
    const [first] = await allLines()
    const path = await inSystem((tx) => readInclusionProof(tx, 0, size))
    expect(verifyInclusion(hashLeaf(Buffer.from(canonicalOf(first!))), 0, size, path, rootOf(tree))).toBe(true)
  })
})
