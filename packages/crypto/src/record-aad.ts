import type { Field } from './bytes.ts'

/** Where a sealed value lives; a box opens at this place only. */
export interface RecordPlace {
  readonly tenantId: string
  readonly subjectId: string
  readonly recordId: string
  /** Column or attribute, for example `content`. */
  readonly field: string
  /** Version of the record, so that an older box of the same row does not open as the newer one. */
  readonly version: number
}

/** The associated data of a stored value, for `sealBox` and `openBox`. */
export function recordAad({ tenantId, subjectId, recordId, field, version }: RecordPlace): readonly Field[] {
  return ['record', tenantId, subjectId, recordId, field, version]
}
