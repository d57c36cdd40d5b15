import type { BenchStack } from '../bench-stack.ts'
import type { SeededSubject } from '../fixtures/subjects.ts'
import { createTexts, type Texts } from '../fixtures/texts.ts'
import { runClosedLoop } from '../load/closed-loop.ts'
import { post } from '../load/requests.ts'
import type { BackgroundWork } from '../measure/background-work.ts'
import type { CpuMeter } from '../measure/cpu-meter.ts'
import { measureLoad } from '../measure/measure-load.ts'
import type { Measurement } from '../measure/measurement.ts'

/** First searches after a start of the memory service: no key, no index, nothing of the subject in memory. */
export interface ColdStarts {
  /** A subject that is searched after every start. */
  add: (subject: SeededSubject) => void
  /** The first search of the subject `id` after start number `repetition`. */
  sample: (id: string, repetition: number) => Promise<Measurement>
}

export interface ColdStartsOptions {
  readonly stack: BenchStack
  readonly meter: CpuMeter
  readonly background: BackgroundWork
  readonly signal: AbortSignal
}

/** Long enough for V8 to have compiled what a search runs. */
const WARM_UP_MS = 2000

/** One start serves all subjects: a supervisor restarts a program that ends often ever more slowly. */
export function createColdStarts(options: ColdStartsOptions): ColdStarts {
  const subjects: SeededSubject[] = []
  const starts = new Map<number, Promise<Map<string, Measurement>>>()
  const texts = createTexts(77)
  return {
    add: (subject) => void subjects.push(subject),
    async sample(id, repetition) {
      const start = starts.get(repetition) ?? searchAll(options, subjects, texts)
      starts.set(repetition, start)
      const found = (await start).get(id)
      if (found === undefined) throw new Error(`${id} was not searched`)
      return found
    },
  }
}

async function searchAll(options: ColdStartsOptions, subjects: readonly SeededSubject[], texts: Texts) {
  await options.stack.restartMemory()
  await warmUp(options, texts)
  const found = new Map<string, Measurement>()
  for (const { id } of subjects) found.set(id, await searchOnce(options, id, texts))
  return found
}

/** Another subject, so that the program is warm and the data are not. */
async function warmUp({ stack, background, signal }: ColdStartsOptions, texts: Texts): Promise<void> {
  const next = () => searchOf(stack, 'warm-up', texts)
  await runClosedLoop({ url: stack.url, connections: 1, duration: WARM_UP_MS, next, signal })
  await background.settle(0)
}

function searchOnce({ stack, meter, background, signal }: ColdStartsOptions, id: string, texts: Texts) {
  const next = () => searchOf(stack, id, texts)
  const load = { url: stack.url, connections: 1, duration: 0, next, accept: (text: string) => text.includes('"score"') }
  return measureLoad({ ...load, meter, background, events: 1, operations: 1, signal })
}

function searchOf({ credentials }: BenchStack, subject_id: string, texts: Texts) {
  const body = { subject_id, query: texts.query(6).join(' '), top_k: 10 }
  return post('/v1/memories/search', body, { 'x-api-key': credentials.api_key })
}
