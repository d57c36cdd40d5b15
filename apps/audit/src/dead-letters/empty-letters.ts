import type { SealingKey } from '@memoric/crypto/sealed-box.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { emptyLetter, type SealedLetter, selectLettersOf } from './dead-letter-repository.ts'
import { openLetter, sealLetter } from './seal-letter.ts'

export interface EmptyingDeps {
  readonly sql: Sql
  readonly credentials: SealingKey
  /** Removes what the stream has of letters, by their digests. */
  readonly purge: (digests: readonly Uint8Array[]) => Promise<void>
}

/** Whose letters are emptied; `actor` is `<type>:<id>`. */
export interface EmptiedPerson {
  readonly tenantId: string
  readonly actor: string
}

const PAGE = 200
const FIRST = '00000000-0000-0000-0000-000000000000'

/**
 * Destroys the content of every dead letter of a tenant that names a person; the letter itself stays, so that it is known what did not
 * enter the log. Gives how many there were. May be repeated; rejects when the stream cannot be asked.
 */
export async function emptyLettersOf(deps: EmptyingDeps, person: EmptiedPerson): Promise<number> {
  let emptied = 0
  for (let after: string | undefined = FIRST; after !== undefined;) {
    const from: string = after
    const [page] = await systemFlight(deps.sql, (tx) => [selectLettersOf(tx, person.tenantId, from, PAGE)])
    const named = page.filter((letter) => isAbout(deps.credentials, letter, person))
    if (named.length > 0) await empty(deps, named)
    emptied += named.length
    after = page.length === PAGE ? page.at(-1)?.id : undefined
  }
  return emptied
}

/** The stream first: a letter that was not emptied is found again. */
async function empty({ sql, credentials, purge }: EmptyingDeps, letters: readonly SealedLetter[]): Promise<void> {
  await purge(letters.map(({ digest }) => digest))
  await systemFlight(sql, (tx) =>
    letters.map(({ id }) => emptyLetter(tx, id, sealLetter(credentials, id, Buffer.alloc(0)))),
  )
}

/** Whether the letter is of the tenant and one of its texts is the id of the person, or what the person is called as an actor. */
function isAbout(credentials: SealingKey, { id, subject, sealed }: SealedLetter, { tenantId, actor }: EmptiedPerson) {
  const payload = openLetter(credentials, id, sealed).toString('utf8')
  if (!subject.includes(tenantId) && !payload.includes(tenantId)) return false
  const personId = actor.slice(actor.indexOf(':') + 1)
  const texts = [JSON.stringify(personId), JSON.stringify(actor)]
  return [payload, plainForm(payload)].some((form) => texts.some((text) => form.includes(text)))
}

/** The payload with its texts written in the shortest way; empty where it is no JSON. */
function plainForm(payload: string): string {
  try {
    return JSON.stringify(JSON.parse(payload))
  } catch {
    return ''
  }
}
