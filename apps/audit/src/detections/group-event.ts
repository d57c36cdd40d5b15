import type { Pattern } from '@memoric/contracts/detections.ts'
import type { SeenEvent } from './seen-event.ts'

/** Whom an alert is about. */
export interface Entity {
  readonly type: string
  readonly id: string | null
}

/** The entity that a pattern counts an event for; null where the event does not tell. */
export function entityOf(by: Pattern['by'], event: SeenEvent): Entity | null {
  switch (by) {
    case 'tenant':
      return { type: 'tenant', id: event.tenantId }
    case 'actor':
      return { type: event.actorType, id: event.actorId }
    case 'address':
      return orNull('address', event.network())
    case 'account':
      return accountOf(event)
  }
}

/** The user of a sign-in; of one that failed, the e-mail where there is no such user. */
export function accountOf(event: SeenEvent): Entity | null {
  if (event.operation === 'auth.login.succeeded') return orNull('user', event.actorId)
  return orNull('user', event.resourceId) ?? orNull('email', event.email())
}

export function keyOf({ type, id }: Entity): string {
  return id === null ? type : `${type}:${id}`
}

function orNull(type: string, id: string | null): Entity | null {
  return id === null ? null : { type, id }
}
