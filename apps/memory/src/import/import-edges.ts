import { EDGE_TYPES } from '@memoric/contracts/edge-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { sealProperties } from '../edges/edge-box.ts'
import { lockEdges, selectWay } from '../edges/edge-repository.ts'
import type { EdgeLine } from '../exports/export-lines.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { IdOfMemory } from './import-records.ts'

/** Writes an edge whose memories are both here, unless they are linked so already or it would close a circle; gives how many that were. */
export async function importEdge(
  tx: Tx,
  place: SubjectPlace,
  keys: SubjectKeys,
  line: EdgeLine,
  idOf: IdOfMemory,
): Promise<number> {
  const fromId = await idOf(line.from.id, line.from.created_at)
  const toId = await idOf(line.to.id, line.to.created_at, line.to_subject_id)
  if (fromId === toId) return 0
  if (!EDGE_TYPES[line.edge_type].cycles) {
    await lockEdges(tx, place.tenantId, line.edge_type)
    if ((await selectWay(tx, place.tenantId, line.edge_type, toId, fromId)).length > 0) return 0
  }
  const isEmpty = Object.keys(line.properties).length === 0
  const sealed = isEmpty ? null : sealProperties(keys, { ...place, id: line.id }, line.properties)
  const rows = await tx`
    insert into edges (
      tenant_id, id, type, from_id, to_id, subject_id, namespace, to_subject_id, to_namespace, created_at, created_by, sealed
    )
    select ${place.tenantId}, ${line.id}, ${line.edge_type}, f.id, t.id, f.subject_id, f.namespace, t.subject_id, t.namespace,
      ${line.created_at}, ${line.created_by}, ${sealed}::bytea
    from memories f join memories t on t.tenant_id = f.tenant_id and t.id = ${toId}
    where f.tenant_id = ${place.tenantId} and f.id = ${fromId} and f.subject_id = ${place.subjectId}
      and t.subject_id = ${line.to_subject_id}
    on conflict do nothing returning 1`
  return rows.length
}

/** Whether an edge is here, or its memories are linked so already. */
export async function isKnownEdge(
  tx: Tx,
  { tenantId }: SubjectPlace,
  line: EdgeLine,
  idOf: IdOfMemory,
): Promise<boolean> {
  const fromId = await idOf(line.from.id, line.from.created_at)
  const toId = await idOf(line.to.id, line.to.created_at, line.to_subject_id)
  const rows = await tx`
    select from edges where tenant_id = ${tenantId}
      and (id = ${line.id} or (from_id = ${fromId} and type = ${line.edge_type} and to_id = ${toId}))`
  return rows.length > 0
}
