import { authPlans } from './auth-rows.ts'
import { continuityPlans } from './continuity-rows.ts'
import { manySubjectsPlan } from './many-subjects-row.ts'
import { readPlans } from './read-rows.ts'
import type { RowPlan } from './row.ts'
import { searchPlans } from './search-rows.ts'
import { writePlans } from './write-rows.ts'

const plans: readonly RowPlan[] = [
  ...writePlans,
  ...searchPlans,
  ...readPlans,
  ...continuityPlans,
  ...authPlans,
  manySubjectsPlan,
]

/** The rows whose names begin with one of `only`; all that are not on demand when it is empty. Throws when a name fits none. */
export function selectPlans(only: readonly string[]): readonly RowPlan[] {
  const unknown = only.filter((prefix) => !plans.some(({ name }) => name.startsWith(prefix)))
  if (unknown.length > 0) {
    throw new Error(`No row is called ${unknown.join(', ')}. There are: ${plans.map(({ name }) => name).join(', ')}`)
  }
  return only.length === 0
    ? plans.filter(({ onDemand }) => onDemand !== true)
    : plans.filter(({ name }) => only.some((prefix) => name.startsWith(prefix)))
}
