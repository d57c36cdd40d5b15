import { decisionsLayer } from './decisions-layer.ts'
import { identityLayer } from './identity-layer.ts'
import { knowledgeLayer } from './knowledge-layer.ts'
import { lastHandoffLayer } from './last-handoff-layer.ts'
import { recentLayer } from './recent-layer.ts'
import { reflectionsLayer } from './reflections-layer.ts'
import { tasksLayer } from './tasks-layer.ts'
import type { LayerProvider } from './wake-up-layer.ts'

/** Every layer of a wake-up, in the order in which they stand: what else an agent should know when it wakes up joins here. */
export const LAYERS: readonly LayerProvider[] = [
  identityLayer,
  lastHandoffLayer,
  recentLayer,
  reflectionsLayer,
  knowledgeLayer,
  decisionsLayer,
  tasksLayer,
]
