import type { MemoricEvent } from '@memoric/contracts/event.ts'

/** Who the personal data of an event belongs to: the actor, or the user whom it is about where nobody knows who acted. */
export function personOf({ actor, data: { resource_type, resource_id } }: MemoricEvent): string {
  const isAboutUser = resource_type === 'user' && resource_id !== null
  return isAboutUser && /^anonymous(?::|$)/.test(actor) ? `user:${resource_id}` : actor
}
