import {
  type Provenance,
  type Source,
  type Standing,
  type Trust,
  TRUST_LEVELS,
} from '@memoric/contracts/provenance-contract.ts'

/** Columns that say where a version of a memory comes from. */
export interface ProvenanceColumns {
  readonly written_by: string | null
  readonly source: Source | null
  readonly trust: number
}

/** Columns that say how a memory stands. */
export interface StandingColumns {
  /** 0..1, with the precision of a `real`. */
  readonly standing: number
  readonly withheld: 'quarantined' | 'retracted' | null
}

const API_KEY = 'api_key:'

/** Where it comes from, as callers see it. */
export function provenanceView({ written_by, source, trust }: ProvenanceColumns): {
  provenance: Provenance
  trust: Trust
} {
  const keyId = written_by?.startsWith(API_KEY) === true ? written_by.slice(API_KEY.length) : null
  return { provenance: { written_by, key_id: keyId, source }, trust: TRUST_LEVELS[trust] ?? 'untrusted' }
}

/** How it stands, as callers see it. */
export function standingView({ standing, withheld }: StandingColumns): { standing: Standing; standing_factor: number } {
  const factor = Math.round(standing * 1e6) / 1e6
  return { standing: withheld ?? (factor < 1 ? 'attenuated' : 'current'), standing_factor: factor }
}
