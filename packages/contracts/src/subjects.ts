const TOKEN = /^[A-Za-z0-9_-]{1,64}$/

/** The JetStream stream of all events, and the one of events that could not be taken in. */
export const EVENT_STREAM = 'MEMORIC_EVENTS'
export const DEAD_LETTER_STREAM = 'MEMORIC_DEAD_LETTERS'

export const EVENT_SUBJECTS = 'memoric.v1.>'
const EVENT_PREFIX = 'memoric.v1.'
export const DEAD_LETTER_SUBJECTS = 'memoric.dead.>'

/**
 * Joins tokens to a NATS subject: the only place that does.
 * Throws RangeError for a token that is not `[A-Za-z0-9_-]{1,64}`, so no wildcard, space or dot gets in.
 */
function join(...tokens: readonly string[]): string {
  for (const token of tokens) {
    if (!TOKEN.test(token)) throw new RangeError('not a token of a NATS subject')
  }
  return tokens.join('.')
}

/** Subject of an event: `memoric.v1.<tenant>.<entity>.<verb>`. */
export function eventSubject(tenantId: string, type: string): string {
  return join('memoric', 'v1', tenantId, ...type.split('.'))
}

/** Whether `subject` is that of an event of this tenant and type, which are valid. */
export function isSubjectOf(subject: string, tenantId: string, type: string): boolean {
  const [tenantAt, typeAt] = [EVENT_PREFIX.length, EVENT_PREFIX.length + tenantId.length + 1]
  return (
    subject.length === typeAt + type.length &&
    subject[typeAt - 1] === '.' &&
    subject.startsWith(EVENT_PREFIX) &&
    subject.startsWith(tenantId, tenantAt) &&
    subject.startsWith(type, typeAt)
  )
}

/** Where a message goes that `consumer` could not take in; `name` is its own, so that it alone can be removed. */
export function deadLetterSubject(consumer: string, name?: string): string {
  return join('memoric', 'dead', consumer, ...(name === undefined ? [] : [name]))
}

/** Signal of the audit service to `app`: these event ids are in the log. */
export function confirmedSubject(app: string): string {
  return join('memoric', 'internal', 'confirmed', app)
}

/** Signal of auth to every gateway: these grants have ended. */
export const REVOKED_SUBJECT = join('memoric', 'internal', 'revoked')

/** Signal of memory to every memory: wipe what is in the process of a subject. */
export const FORGET_SUBJECT = join('memoric', 'internal', 'forget')

/** Question of memory to audit: have the keys of a person's data in the log been destroyed? And the answer. */
export const ERASE_PERSON_SUBJECT = join('memoric', 'internal', 'erase_person')
export const PERSON_ERASED_SUBJECT = join('memoric', 'internal', 'person_erased')

/** Signal of auth to every gateway and every other auth: the published signing keys have changed. */
export const SIGNING_KEYS_SUBJECT = join('memoric', 'internal', 'signing_keys')

/** Where an app answers how many events of each tenant and hour have left its outbox for the log. */
export function countSubject(app: string): string {
  return join('memoric', 'internal', 'count', app)
}

/** Every event of a tenant. */
export function tenantEventSubjects(tenantId: string): string {
  return `${join('memoric', 'v1', tenantId)}.>`
}

/** Signal of memory to every memory: the policy of a tenant is another one now. */
export const POLICY_CHANGED = join('memoric', 'internal', 'policies')
