import type { Caller } from '@memoric/contracts/caller.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { expect } from 'vitest'
import { modelFingerprint } from '../src/embeddings/embedding-text.ts'
import { unsealBlock } from '../src/embeddings/seal-vectors.ts'
import { hashAt, type VectorBlock } from '../src/embeddings/vector-block.ts'
import { selectBlocks } from '../src/embeddings/vector-repository.ts'
import { idAt } from '../src/search/memory-ids.ts'
import { scopeOfIndex } from '../src/search/segment-repository.ts'
import { placeOf } from './stored-segments.ts'
import type { TestMemory, TestProcess } from './use-memory.ts'

export const MODEL = 'bag'

/** Settings of a process with embeddings. */
export function embeddingSettings(url: string, more: Record<string, string> = {}): Record<string, string> {
  return { EMBEDDINGS_URL: url, EMBEDDINGS_MODEL: MODEL, EMBEDDINGS_QUERY_TIMEOUT_MS: '2000', ...more }
}

/** Waits until every memory of `ada` was looked at. */
export async function allEmbedded(memory: TestMemory, process: TestProcess, caller: Caller, model = MODEL) {
  const behind = async () => {
    await process.deps.embeddings?.sweep()
    const [row] = await memory.admin<{ behind: number }[]>`
      select (s.last_change - coalesce(p.change, 0))::int as behind
      from subjects s left join vector_progress p on p.tenant_id = s.tenant_id and p.subject_id = s.subject_id
        and p.model = ${modelFingerprint(model, undefined)}
      where s.tenant_id = ${caller.tenantId} and s.subject_id = 'ada'`
    return row?.behind
  }
  await expect.poll(behind, { timeout: 15_000, interval: 30 }).toBe(0)
}

/** The blocks of vectors of `ada`, opened. */
export async function storedBlocks({ deps }: TestProcess, caller: Caller, model = MODEL): Promise<VectorBlock[]> {
  const place = placeOf(caller)
  const [rows] = await tenantFlight(deps.sql, scopeOfIndex(place), (tx) => [
    selectBlocks(tx, place, modelFingerprint(model, undefined)),
  ])
  return deps.keys.forReading(place.tenantId, place.subjectId, (keys) => {
    return rows.map((row) => {
      const block = keys === null ? 'key' : unsealBlock(keys.index, place, row)
      if (typeof block === 'string') throw new Error(`a block is of no use: ${block}`)
      return block
    })
  })
}

/** What is stored, as `id version hash` of each vector. */
export async function storedVectors(process: TestProcess, caller: Caller, model = MODEL) {
  return (await storedBlocks(process, caller, model)).flatMap((block) =>
    Array.from({ length: block.count }, (_, at) => ({
      id: idAt(block.ids, at),
      version: block.versions[at],
      hash: hashAt(block, at),
    })),
  )
}
