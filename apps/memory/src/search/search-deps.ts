import type { Sql } from '@memoric/postgres/client.ts'
import type { OutboxRelay } from '@memoric/postgres/outbox-relay.ts'
import type { EventFactory } from '@memoric/service/event-factory.ts'
import type { Logger } from '@memoric/service/logger.ts'
import type { KeyStore } from '../keys/subject-keys.ts'

/** What the index works with. */
export interface SearchDeps {
  readonly sql: Sql
  readonly keys: KeyStore
  readonly events: EventFactory
  readonly relay: Pick<OutboxRelay, 'wake'>
  readonly log: Logger
}
