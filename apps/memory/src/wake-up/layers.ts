import { identityLayer } from './identity-layer.ts'
import { lastHandoffLayer } from './last-handoff-layer.ts'
import { recentLayer } from './recent-layer.ts'
import type { LayerProvider } from './wake-up-layer.ts'

/** Every layer of a wake-up, in the order in which they stand: what else an agent should know when it wakes up joins here. */
export const LAYERS: readonly LayerProvider[] = [identityLayer, lastHandoffLayer, recentLayer]
