import type { Handlers } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { getPolicy, listPolicyVersions } from './get-policy.ts'
import { promoteMemory } from './promote-memory.ts'
import { putPolicy } from './put-policy.ts'
import { getPolicyRun, listPolicyRuns, runPolicies } from './run-policies.ts'

type Operation =
  'getPolicy' | 'putPolicy' | 'listPolicyVersions' | 'runPolicies' | 'listPolicyRuns' | 'getPolicyRun' | 'promoteMemory'

/** Handlers of the routes under /v1/policies, and of promotion by hand. */
export function policyHandlers(deps: MemoryDeps): Pick<Handlers<'memory'>, Operation> {
  return {
    getPolicy: (call) => getPolicy(deps, call),
    putPolicy: (call) => putPolicy(deps, call),
    listPolicyVersions: (call) => listPolicyVersions(deps, call),
    runPolicies: (call) => runPolicies(deps, call),
    listPolicyRuns: (call) => listPolicyRuns(deps, call),
    getPolicyRun: (call) => getPolicyRun(deps, call),
    promoteMemory: (call) => promoteMemory(deps, call),
  }
}
