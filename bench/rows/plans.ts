import { authPlans } from './auth-rows.ts'
import { readPlans } from './read-rows.ts'
import type { RowPlan } from './row.ts'
import { searchPlans } from './search-rows.ts'
import { writePlans } from './write-rows.ts'

const plans: readonly RowPlan[] = [...writePlans, ...searchPlans, ...readPlans, ...authPlans]

/** The rows whose names begin with one of `only`; all when it is empty. Throws when a name fits none. */
export function selectPlans(only: readonly string[]): readonly RowPlan[] {
  const unknown = only.filter((prefix) => !plans.some(({ name }) => name.startsWith(prefix)))
  if (unknown.length > 0) {
    throw new Error(`No row is called ${unknown.join(', ')}. There are: ${plans.map(({ name }) => name).join(', ')}`)
  }
  return only.length === 0 ? plans : plans.filter(({ name }) => only.some((prefix) => name.startsWith(prefix)))
}
