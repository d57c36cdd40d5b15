import type { SystemReader } from '@memoric/postgres/system-reader.ts'
import type { Deps } from '../src/deps.ts'

/** The same deps, and how many transactions were begun and questions asked with them. */
export function countFlights(deps: Deps): { readonly deps: Deps; readonly flights: () => number } {
  let flights = 0
  const { sql, reader, counter } = deps
  const take = () => {
    flights += 1
    return sql.lanes.take()
  }
  const counted = Object.assign(Object.create(sql) as typeof sql, { lanes: { ...sql.lanes, take } })
  const counting = (lane: SystemReader): SystemReader => ({
    ...lane,
    ask: (question) => {
      flights += 1
      return lane.ask(question)
    },
  })
  const asked = { reader: counting(reader), counter: counting(counter) }
  return { deps: { ...deps, sql: counted, ...asked }, flights: () => flights }
}
