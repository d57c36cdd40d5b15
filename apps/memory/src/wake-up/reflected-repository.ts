import { byteaArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { ReflectionKind } from '../consolidations/reflection-repository.ts'
import type { MemoryRow } from '../memories/memory-row.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** A reflection with its memory. */
export interface ReflectedMemory extends Pick<
  MemoryRow,
  'tenant_id' | 'id' | 'subject_id' | 'version' | 'importance' | 'seen_count' | 'occurred_at' | 'sealed'
> {
  readonly kind: ReflectionKind
  readonly starts_on: string
  readonly confidence: number
  /** How many memories it was made of, and how often it was found, where that is counted. */
  readonly sources: number
  readonly recalls: number
  readonly last_recalled_at: Date | null
  /** 1 for the latest of its kind. */
  readonly nth: number
}

/** The latest reflections and the surest principles, of a person if one is named, one more of each kind than `most`. */
export function selectReflectedMemories(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  person: readonly Buffer[] | null,
  most: Readonly<Record<ReflectionKind, number>>,
) {
  const ofPerson = person === null ? tx`` : tx`and r.person = any (${byteaArray(person)}::bytea[])`
  return tx<ReflectedMemory[]>`
    select m.tenant_id, m.id, m.subject_id, m.version, m.importance, m.seen_count, m.occurred_at, m.sealed, r.kind,
      to_char(r.starts_on, 'YYYY-MM-DD') as starts_on, r.confidence, r.nth::int as nth,
      (select count(*)::int from reflection_sources s where s.tenant_id = r.tenant_id and s.reflection_id = r.id) as sources,
      coalesce(u.recalls, 0)::float8 as recalls, u.last_recalled_at
    from unnest(${Object.keys(most)}::text[], ${Object.values(most)}::int[]) as wanted (kind, most)
    cross join lateral (
      select r.*, row_number() over (
        order by case when r.kind = 'principle' then r.confidence end desc, r.starts_on desc, r.id
      ) as nth
      from reflections r
      where r.tenant_id = ${tenantId} and r.subject_id = ${subjectId} and r.kind = wanted.kind ${ofPerson}
      order by nth limit wanted.most + 1
    ) as r
    join memories m on m.tenant_id = r.tenant_id and m.id = r.id
    left join memory_uses u on u.tenant_id = m.tenant_id and u.memory_id = m.id
    where m.expires_at is null or m.expires_at > now()`
}
