import type { Deps } from '../src/deps.ts'

/** The same deps, and how many transactions were begun with them. */
export function countFlights(deps: Deps): { readonly deps: Deps; readonly flights: () => number } {
  let flights = 0
  const { sql } = deps
  const take = () => {
    flights += 1
    return sql.lanes.take()
  }
  const counted = Object.assign(Object.create(sql) as typeof sql, { lanes: { ...sql.lanes, take } })
  return { deps: { ...deps, sql: counted }, flights: () => flights }
}
