import { CryptoError } from '@memoric/crypto/errors.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { openRow } from '../memories/memory-row.ts'
import { idWords } from '../search/memory-ids.ts'
import type { SearchDeps } from '../search/search-deps.ts'
import {
  type ChangedRow,
  type IndexRow,
  lockSegments,
  scopeOfIndex,
  selectChanges,
  selectSubjectState,
  type SubjectPlace,
} from '../search/segment-repository.ts'
import { embedTexts, type EmbedTextsOptions } from './embed-texts.ts'
import { embeddingText, textHash } from './embedding-text.ts'
import { mergeBlocks } from './merge-blocks.ts'
import type { QuantisedVector } from './quantise.ts'
import { sealBlock } from './seal-vectors.ts'
import {
  buildBlock,
  findVector,
  hashAt,
  type MemoryVector,
  newestOf,
  vectorAt,
  type VectorBlock,
} from './vector-block.ts'
import type { VectorCache } from './vector-cache.ts'
import {
  advanceSubject,
  claimSubject,
  deleteOtherModels,
  insertBlock,
  type Lease,
  releaseSubject,
  selectCurrent,
} from './vector-repository.ts'

export interface EmbedSubjectDeps extends SearchDeps, EmbedTextsOptions {
  readonly vectors: VectorCache
  readonly model: string
  /** Told how many memories got their vectors, and how many never will. */
  readonly onDone: (made: number, given: number) => void
}

/** Memories of one step: one request, or a few when they are long. */
const STEP = 64

const LEASE_SECONDS = 120

/** Gives the memories of a subject their vectors, a step after the other, until none waits. Throws EmbeddingError. */
export async function embedSubject(deps: EmbedSubjectDeps, place: SubjectPlace): Promise<void> {
  const lease = { model: deps.model, lease: crypto.randomUUID(), seconds: LEASE_SECONDS }
  try {
    let more = true
    while (more && !deps.signal.aborted) more = await step(deps, place, lease)
  } finally {
    await tenantFlight(deps.sql, scopeOfIndex(place), (tx) => [
      releaseSubject(tx, place, lease),
      deleteOtherModels(tx, place, deps.model),
    ]).catch(() => undefined)
  }
}

/** False when there is nothing to do, or somebody else does it. */
async function step(deps: EmbedSubjectDeps, place: SubjectPlace, lease: Lease): Promise<boolean> {
  const [[claim]] = await tenantFlight(deps.sql, scopeOfIndex(place), (tx) => [claimSubject(tx, place, lease)])
  if (claim === undefined) return false
  const [rows] = await tenantFlight(deps.sql, scopeOfIndex(place), (tx) => [
    selectChanges(tx, place, claim.change, STEP),
  ])
  const [first] = rows
  if (first === undefined) return false
  const memories = rows.filter(isMemory)
  const upTo = memories.length < STEP ? first.last_change : (memories.at(-1)?.change ?? first.last_change)
  const texts = await textsOf(deps, place, memories)
  if (texts === null) return false
  const found = await vectorsOf(deps, place, texts)
  return store(deps, place, lease, found, upTo)
}

function isMemory(row: ChangedRow): row is ChangedRow & IndexRow {
  return row.id !== null
}

/** A memory and what is given away of it. */
interface Waiting {
  readonly row: IndexRow
  readonly text: string
  readonly hash: string
}

/** Null for a subject that must not be read. */
function textsOf({ keys }: SearchDeps, place: SubjectPlace, rows: readonly IndexRow[]): Promise<Waiting[] | null> {
  return keys.forReading(place.tenantId, place.subjectId, (subjectKeys) => {
    if (subjectKeys === null || subjectKeys.isStopped) return null
    const now = Date.now()
    return rows
      .filter(({ expires_at }) => expires_at === null || expires_at.getTime() > now)
      .flatMap((row) => {
        const text = textOf(subjectKeys, place, row)
        return text === undefined ? [] : [{ row, text, hash: textHash(text) }]
      })
  })
}

/** Undefined for a memory that does not open, which keeps none of the others. */
function textOf(keys: SubjectKeys, { tenantId, subjectId }: SubjectPlace, row: IndexRow): string | undefined {
  try {
    return embeddingText(openRow(keys, { ...row, tenant_id: tenantId, subject_id: subjectId }))
  } catch (error) {
    if (error instanceof CryptoError && error.code === 'decryption_failed') return undefined
    throw error
  }
}

/** Vectors that are not stored yet: those of texts that a vector is known for are copied, the others asked for. */
async function vectorsOf(
  deps: EmbedSubjectDeps,
  place: SubjectPlace,
  waiting: readonly Waiting[],
): Promise<MemoryVector[]> {
  const held = await deps.vectors.hold(place)
  const known = new Map<string, QuantisedVector>()
  let missing: Waiting[]
  try {
    missing = waiting.filter((each) => !isStored(held.blocks, each))
    const hashes = new Set(missing.map(({ hash }) => hash))
    for (const found of hashes.size === 0 ? [] : newestOf(held.blocks)) {
      const hash = hashAt(found.block, found.at)
      if (hashes.has(hash)) known.set(hash, vectorAt(found))
    }
  } finally {
    held.release()
  }
  const asked = [...new Map(missing.filter(({ hash }) => !known.has(hash)).map((each) => [each.hash, each.text]))]
  const made = await embedTexts(
    deps,
    asked.map(([, text]) => text),
  )
  for (const [at, [hash]] of asked.entries()) {
    const vector = made[at] ?? null
    if (vector !== null) known.set(hash, vector)
  }
  const found = missing.flatMap(({ row, hash }) => {
    const vector = known.get(hash)
    return vector === undefined ? [] : [{ ...vector, id: row.id, version: row.version, seq: row.seq, textHash: hash }]
  })
  deps.onDone(found.length, missing.length - found.length)
  return found
}

function isStored(blocks: readonly VectorBlock[], { row }: Waiting): boolean {
  const id = idWords(row.id)
  return blocks.some((block) => {
    const found = findVector(block, id)
    return found !== undefined && block.versions[found.at] === row.version
  })
}

/** Stores the vectors of those memories that are still as they were given away. False when the subject is no longer ours. */
function store(
  deps: EmbedSubjectDeps,
  place: SubjectPlace,
  lease: Lease,
  vectors: readonly MemoryVector[],
  upTo: number,
): Promise<boolean> {
  return deps.keys.forReading(place.tenantId, place.subjectId, (keys) => {
    if (keys === null) return false
    const key = keys.index.current()
    return tenantTransaction(deps.sql, scopeOfIndex(place), async (tx) => {
      const { keyVersion, current, isOurs } = await readState(tx, place, lease, vectors, upTo)
      if (!isOurs || keyVersion === undefined) throw new LeaseLost()
      if (keyVersion !== key.id) throw new StaleKey()
      const valid = vectors.filter(({ id, version }) => current.get(id) === version)
      for (const same of Map.groupBy(valid, ({ values }) => values.length).values()) {
        await insertBlock(tx, place, sealBlock(key, place, deps.model, buildBlock(same)))
      }
      await mergeBlocks(tx, keys, place, deps.model)
      return true
    }).catch((error: unknown) => {
      if (error instanceof StaleKey) deps.keys.forgetSubject(place.tenantId, place.subjectId)
      else if (!(error instanceof LeaseLost)) throw error
      return error instanceof StaleKey
    })
  })
}

/** Rolls the transaction back: somebody else has the subject, or it is gone. */
class LeaseLost extends Error {}

/** Rolls the transaction back: the key was rotated. The step is done again. */
class StaleKey extends Error {}

async function readState(tx: Tx, place: SubjectPlace, lease: Lease, vectors: readonly MemoryVector[], upTo: number) {
  const ids = vectors.map(({ id }) => id)
  const [, [subject], current, advanced] = await Promise.all([
    lockSegments(tx, place),
    selectSubjectState(tx, place),
    selectCurrent(tx, place, ids),
    advanceSubject(tx, place, lease, upTo),
  ])
  return {
    keyVersion: subject?.key_version,
    current: new Map(current.map(({ id, version }) => [id, version])),
    isOurs: advanced.length > 0,
  }
}
