import type { Handlers } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { createCapsule } from './create-capsule.ts'
import { getCapsule } from './get-capsule.ts'
import { listCapsules } from './list-capsules.ts'
import { openCapsule } from './open-capsule.ts'
import { revokeCapsule } from './revoke-capsule.ts'

type CapsuleOperation = 'createCapsule' | 'listCapsules' | 'getCapsule' | 'openCapsule' | 'revokeCapsule'

/** Handlers of the routes under /v1/capsules. */
export function capsuleHandlers(deps: MemoryDeps): Pick<Handlers<'memory'>, CapsuleOperation> {
  return {
    createCapsule: (call) => createCapsule(deps, call),
    listCapsules: (call) => listCapsules(deps, call),
    getCapsule: (call) => getCapsule(deps, call),
    openCapsule: (call) => openCapsule(deps, call),
    revokeCapsule: (call) => revokeCapsule(deps, call),
  }
}
