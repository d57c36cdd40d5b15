import { DEFAULT_SUBJECT } from '@memoric/contracts/memory-contract.ts'
import type { Person, PutPerson } from '@memoric/contracts/person-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { subjectFor } from '@memoric/service/caller-limits.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { lockSubjects } from '../memories/subject-lock-repository.ts'
import { withFreshKeys } from '../memories/stale-keys.ts'
import { consentFor } from '../privacy/consent-rules.ts'
import { requireConsent } from '../privacy/require-consent.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { foldName, nameFingerprint } from './name-fingerprint.ts'
import { openNames, type PersonNames, sealNames } from './person-box.ts'
import { personView, requireAllNamespaces } from './person-rules.ts'
import { replaceNames, selectOwners, selectPerson, upsertPerson } from './person-repository.ts'

type Put = RouteTable['putPerson']

interface Outcome {
  readonly person: Person
  readonly change: 'made' | 'changed' | 'none'
}

/** Throws AppError `subject_not_allowed`, `namespace_not_allowed`, `person_name_taken`, and as requireConsent. */
export async function putPerson(deps: MemoryDeps, { body, context }: Call<Put>): Promise<RouteOutput<Put>> {
  const { caller } = context
  requireAllNamespaces(caller)
  const place = { tenantId: caller.tenantId, subjectId: subjectFor(caller, body.subject_id, DEFAULT_SUBJECT) }
  await requireConsent(deps, caller, place.subjectId)
  const names = distinct(body)
  const { person, change } = await withFreshKeys(
    deps,
    { tenant_id: caller.tenantId, subject_id: place.subjectId },
    () =>
      deps.keys.forWriting(place.tenantId, place.subjectId, (keys) =>
        tenantTransaction(deps.sql, scopeOf(caller), (tx) => write(tx, deps, context, place, keys, names)),
      ),
  )
  if (change !== 'none') deps.relay.wake()
  return { status: change === 'made' ? 201 : 200, body: person }
}

/** Each name once, as it was written first. */
function distinct({ name, aliases }: PutPerson): PersonNames {
  const seen = new Set([foldName(name)])
  const others = aliases.filter((alias) => {
    const folded = foldName(alias)
    return !seen.has(folded) && seen.add(folded)
  })
  return { name, aliases: others }
}

async function write(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  place: SubjectPlace,
  keys: SubjectKeys,
  names: PersonNames,
): Promise<Outcome> {
  const fingerprints = [names.name, ...names.aliases].map((name) => nameFingerprint(keys, name))
  const lock = {
    subjectId: place.subjectId,
    keyVersion: keys.content.current().id,
    consent: consentFor(context.caller),
  }
  const [, owners] = await Promise.all([
    lockSubjects(tx, place.tenantId, [lock]),
    selectOwners(tx, place, fingerprints),
  ])
  const known = owners.find(({ name }) => fingerprints[0]?.equals(name))?.person_id
  if (owners.some(({ person_id }) => person_id !== known)) throw new AppError('person_name_taken')
  const [before] = known === undefined ? [] : await selectPerson(tx, place, known)
  if (before !== undefined && isSame(openNames(keys, { ...place, ...before }, before.sealed), names)) {
    return { person: personView(place, before, names), change: 'none' }
  }
  const next = { id: known ?? uuidV7(), version: (before?.version ?? 0) + 1, updated_at: deps.now() }
  const row = { ...next, sealed: sealNames(keys, { ...place, ...next }, names) }
  await Promise.all([
    upsertPerson(tx, place, row),
    replaceNames(tx, place, row.id, fingerprints),
    outboxInsert(tx, [updatedEvent(deps, context, place, next, fingerprints.length)]),
  ])
  return { person: personView(place, row, names), change: before === undefined ? 'made' : 'changed' }
}

function isSame(one: PersonNames, other: PersonNames): boolean {
  return JSON.stringify([one.name, one.aliases]) === JSON.stringify([other.name, other.aliases])
}

function updatedEvent(
  { events }: MemoryDeps,
  context: RequestContext,
  { subjectId }: SubjectPlace,
  { id, version }: { readonly id: string; readonly version: number },
  names: number,
) {
  const details = { subject_id: subjectId, version, names }
  return events({ type: 'person.updated', context, resourceId: id, statusCode: version === 1 ? 201 : 200, details })
}
