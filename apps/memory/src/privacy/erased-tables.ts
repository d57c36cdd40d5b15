/**
 * What an erasure empties, in this order: rows with the tenant_id and subject_id of the subject. The receipt counts them by table. A
 * test compares the list with the catalog, so a new table with a subject_id is either here or in KEPT_TABLES.
 */
export const ERASED_TABLES = [
  'handoffs',
  'handoff_versions',
  'notes',
  'tasks',
  'person_names',
  'persons',
  'edges',
  'reflection_sources',
  'reflections',
  'consolidation_states',
  'memory_uses',
  'memory_edits',
  'capsule_memories',
  'capsules',
  'policy_runs',
  'threads',
  'clusters',
  'cluster_states',
  'memories',
  'memory_versions',
  'memory_deletions',
  'search_segments',
  'vector_progress',
  'enrichment_progress',
  'vector_blocks',
  'export_chunks',
  'export_subjects',
  'exports',
  'idempotency_keys',
  'consents',
  'key_rotations',
  'subject_keys',
  'subjects',
] as const

/** Tables with a subject_id that an erasure leaves, and why. */
export const KEPT_TABLES: Readonly<Record<string, string>> = {
  erasures: 'the proof of the erasure, by which it is found again',
  forgettings: 'tells the processes what to forget; gone after a day',
}

/** Tables with sealed bytes that belong to no subject, and whose they are. */
export const TABLES_OF_TENANTS: Readonly<Record<string, string>> = {
  policies: 'what the tenant says about all of its subjects, under the key of the tenant itself',
}
