import type { Caller } from '@memoric/contracts/caller.ts'
import { uuid } from '@memoric/contracts/ids.ts'
import type { ListConsentsQuery } from '@memoric/contracts/privacy-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { Handlers } from '@memoric/service/implement-routes.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectConsents } from './consent-repository.ts'
import { consentView } from './consent-view.ts'
import { requireWholeSubject } from './erase-subject.ts'
import { putConsent } from './put-consent.ts'
import { openEvidence } from './seal-evidence.ts'

/** Handlers of the routes about consents. */
export function consentHandlers(deps: MemoryDeps): Pick<Handlers<'memory'>, 'listConsents' | 'putConsent'> {
  return {
    async listConsents({ params: { id: subjectId }, query, context: { caller } }) {
      requireWholeSubject(caller, subjectId)
      return { status: 200, body: await list(deps, caller, subjectId, query) }
    },
    async putConsent({ params: { id: subjectId }, body, context }) {
      requireWholeSubject(context.caller, subjectId)
      return { status: 200, body: await putConsent(deps, context, subjectId, body) }
    },
  }
}

async function list(deps: MemoryDeps, caller: Caller, subjectId: string, query: ListConsentsQuery) {
  const place = { tenantId: caller.tenantId, subjectId }
  const before = query.cursor === undefined ? null : decodeCursor(query.cursor, uuid)
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectConsents(tx, place, query, before)])
  const shown = rows.slice(0, query.limit)
  const items = await deps.keys.forReading(place.tenantId, subjectId, (keys) =>
    shown.map((row) =>
      consentView(row, row.sealed === null || keys === null ? null : openEvidence(keys, place, row.id, row.sealed)),
    ),
  )
  const last = rows.length > query.limit ? shown.at(-1) : undefined
  return { items, next_cursor: last === undefined ? null : encodeCursor(last.id) }
}
