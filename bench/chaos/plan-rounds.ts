import { createRandom } from '../fixtures/random.ts'
import { type Victim, VICTIMS } from './chaos-stack.ts'

export interface Round {
  /** Ms of steady load before. */
  readonly wait: number
  /** Killed one shortly after the other. */
  readonly victims: readonly Victim[]
  /** Ms between the two, if there are two. */
  readonly gap: number
}

const WAIT_MS = { least: 200, most: 1500 }
const GAP_MS = 300
/** One of so many rounds kills two. */
const DOUBLE_EVERY = 4

/** The same for the same seed. Each is killed once before anybody is killed again. */
export function planRounds(count: number, seed: number): Round[] {
  const random = createRandom(seed)
  let bag: Victim[] = []
  const draw = (): Victim => {
    if (bag.length === 0) bag = [...VICTIMS]
    const [drawn = 'memory'] = bag.splice(Math.floor(random() * bag.length), 1)
    return drawn
  }
  return Array.from({ length: count }, (_, at) => {
    const wait = WAIT_MS.least + random() * (WAIT_MS.most - WAIT_MS.least)
    const victims = at % DOUBLE_EVERY === DOUBLE_EVERY - 1 ? [draw(), draw()] : [draw()]
    return { wait, victims: [...new Set(victims)], gap: random() * GAP_MS }
  })
}
