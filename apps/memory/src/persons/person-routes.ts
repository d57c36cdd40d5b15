import type { Handlers } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { listPersons } from './list-persons.ts'
import { putPerson } from './put-person.ts'

/** Handlers of the routes under /v1/persons. */
export function personHandlers(deps: MemoryDeps): Pick<Handlers<'memory'>, 'putPerson' | 'listPersons'> {
  return {
    putPerson: (call) => putPerson(deps, call),
    listPersons: (call) => listPersons(deps, call),
  }
}
