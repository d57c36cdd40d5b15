import type { Tx } from '@memoric/postgres/lease.ts'
import { selectCapsulesAfter } from '../capsules/capsule-repository.ts'
import { type CapsuleRow, capsuleView } from '../capsules/capsule-row.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { CapsuleLine, ExportLine } from './export-lines.ts'

const PAGE = 50

/** Every capsule of a subject whose time is not over, with the names of what is in it. */
export async function* capsuleLines(tx: Tx, place: SubjectPlace, keys: SubjectKeys): AsyncGenerator<ExportLine> {
  let rows: readonly CapsuleRow[] = []
  do {
    rows = await selectCapsulesAfter(tx, place, rows.at(-1)?.id ?? null, PAGE)
    for (const row of rows) {
      const view = capsuleView(keys, row)
      yield { type: 'capsule', ...view, id: row.id, memories: await contentsOf(tx, place, row.id) }
    }
  } while (rows.length === PAGE)
}

async function contentsOf(tx: Tx, { tenantId }: SubjectPlace, id: string): Promise<CapsuleLine['memories']> {
  const rows = await tx<
    { memory_id: CapsuleLine['memories'][number]['memory_id']; version: number; created_at: Date }[]
  >`
    select c.memory_id, c.version, m.created_at
    from capsule_memories c join memories m on m.tenant_id = c.tenant_id and m.id = c.memory_id
    where c.tenant_id = ${tenantId} and c.capsule_id = ${id} and (m.expires_at is null or m.expires_at > now())
    order by c.nth`
  return rows.map(({ created_at, ...row }) => ({ ...row, created_at: created_at.toISOString() }))
}
