import { byteaArray, jsonLines, plainArray, textArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'

/** What a request with an Idempotency-Key is known by. */
export interface Claim {
  readonly keyHash: Buffer
  readonly requestHash: Buffer
  /** The subject that the request is about; null for several. */
  readonly subjectId: string | null
  /** The subjects where they are several; empty for one. */
  readonly subjectIds: readonly string[]
}

/** An item of a request with a claim: the entry that it became part of. */
export interface AskOfClaim {
  readonly claim: Claim
  readonly entryId: string
  readonly isFirst: boolean
}

/** What one item of a request did. */
export interface KeptItem {
  readonly id: string
  readonly version: number
  /** `seen_count` as it was answered. */
  readonly count: number
  readonly made: boolean
}

/** What a request did, item by item; in the place of an item that was refused, why. */
export interface KeptRequest {
  readonly requestHash: Buffer
  readonly hasExpired: boolean
  readonly items: readonly (KeptItem | { readonly refused: string })[]
}

/** Name of the constraint by which a key is kept once. */
export const ONE_KEY = 'idempotency_keys_pkey'

/**
 * The part of a statement that keeps what requests did, read from its `written`: entry_id, id, version, seen_count, and `sealed`
 * null where the entry was made.
 */
export function keepClaims(tx: Tx, tenantId: string, asks: readonly AskOfClaim[]) {
  const claims = [...new Set(asks.map(({ claim }) => claim))]
  return tx`
    insert into idempotency_keys (tenant_id, key_hash, request_hash, subject_id, subject_ids, resource_ids, versions, counts, made)
    select ${tenantId}, claim.key_hash, claim.request_hash, claim.subject_id,
      (select array_agg(id) from jsonb_array_elements_text(claim.subject_ids::jsonb) as several (id)),
      item.ids, item.versions, item.counts, item.made
    from unnest(
      ${byteaArray(claims.map(({ keyHash }) => keyHash))}::bytea[],
      ${byteaArray(claims.map(({ requestHash }) => requestHash))}::bytea[],
      ${textArray(claims.map(({ subjectId }) => subjectId))}::text[],
      string_to_array(${jsonLines(claims.map(({ subjectIds }) => JSON.stringify(subjectIds)))}, chr(10))
    ) with ordinality as claim (key_hash, request_hash, subject_id, subject_ids, nth)
    join (
      select ask.claim, array_agg(w.id order by ask.nth) as ids, array_agg(w.version order by ask.nth) as versions,
        array_agg(w.seen_count order by ask.nth) as counts,
        array_agg(case when ask.is_first = 1 and w.sealed is null then 1 else 0 end order by ask.nth) as made
      from unnest(
        ${plainArray(asks.map(({ claim }) => claims.indexOf(claim) + 1))}::int[],
        ${plainArray(asks.map(({ entryId }) => entryId))}::uuid[],
        ${plainArray(asks.map(({ isFirst }) => (isFirst ? 1 : 0)))}::int[]
      ) with ordinality as ask (claim, entry_id, is_first, nth)
      join written w on w.entry_id = ask.entry_id
      group by ask.claim
    ) as item on item.claim = claim.nth
    order by claim.key_hash`
}

/** In the place of an item that was refused: the driver reads no nulls in arrays. */
const NOTHING_KEPT: KeptItem = { id: '00000000-0000-0000-0000-000000000000', version: 0, count: 0, made: false }

/** Keeps what a request did, in the transaction that did it. Throws a unique violation of ONE_KEY when its key is kept already. */
export function insertKept(tx: Tx, tenantId: string, claim: Claim, items: KeptRequest['items']) {
  const written = items.map((item) => ('refused' in item ? NOTHING_KEPT : item))
  return tx`
    insert into idempotency_keys (
      tenant_id, key_hash, request_hash, subject_id, subject_ids, resource_ids, versions, counts, made, refusals
    ) values (
      ${tenantId}, ${claim.keyHash}, ${claim.requestHash}, ${claim.subjectId},
      nullif(${[...claim.subjectIds]}::text[], '{}'), ${written.map(({ id }) => id)}::uuid[],
      ${written.map(({ version }) => version)}::int[], ${written.map(({ count }) => count)}::int[],
      ${written.map(({ made }) => (made ? 1 : 0))}::int[],
      ${items.map((item) => ('refused' in item ? item.refused : ''))}::text[]
    )`
}

interface KeptRow {
  readonly request_hash: Buffer
  readonly has_expired: boolean
  readonly resource_ids: readonly string[]
  readonly versions: readonly number[]
  readonly counts: readonly number[]
  readonly made: readonly number[]
  readonly refusals: readonly string[] | null
}

export function selectKept(tx: Tx, tenantId: string, keyHash: Buffer) {
  return tx<KeptRow[]>`
    select request_hash, expires_at <= now() as has_expired, resource_ids, versions, counts, made, refusals
    from idempotency_keys where tenant_id = ${tenantId} and key_hash = ${keyHash}`
}

/** A row as it was kept. */
export function keptRequest(row: KeptRow): KeptRequest {
  const items = row.resource_ids.map((id, at) => {
    const refused = row.refusals?.[at] ?? ''
    if (refused !== '') return { refused }
    return { id, version: row.versions[at] ?? 0, count: row.counts[at] ?? 0, made: row.made[at] === 1 }
  })
  return { requestHash: row.request_hash, hasExpired: row.has_expired, items }
}

/** Forgets a key that has expired. */
export function deleteExpiredKept(tx: Tx, tenantId: string, keyHash: Buffer) {
  return tx`
    delete from idempotency_keys
    where tenant_id = ${tenantId} and key_hash = ${keyHash} and expires_at <= now()`
}

/** Forgets up to `max` keys that have expired, of any tenant; in the system scope. */
export function deleteAllExpiredKept(tx: Tx, max: number) {
  return tx`
    delete from idempotency_keys where ctid = any (array(
      select ctid from idempotency_keys where expires_at <= now() limit ${max} for update skip locked))`
}
