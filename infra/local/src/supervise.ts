import { setTimeout as sleep } from 'node:timers/promises'

/** Something that runs, until it ends or is stopped. */
export interface Running {
  pid: number
  exited: Promise<number | null>
  stop: () => Promise<void>
}

export interface SuperviseOptions<T extends Running> {
  name: string
  start: () => Promise<T>
  /** Hears what happens, in sentences for a person. */
  say: (line: string) => void
  /** Called with every process that was started, the first one included. */
  onStart?: (running: T) => Promise<void>
  /** Called whenever it ended by itself. */
  onEnd?: () => void
  /** Waited for before a restart, in place of a pause. */
  beforeRestart?: ((name: string) => Promise<void>) | undefined
  /** First and longest pause before a restart, ms; it doubles. */
  pause?: { first: number; longest: number }
  /** After this long (ms) a process counts as healthy and its next restart is quick again. */
  healthyAfter?: number
}

export interface Supervised {
  /** Ends it for good: no restart follows. */
  stop: () => Promise<void>
}

/** Starts something and starts it again whenever it ends, with growing pauses. Rejects when the first start fails. */
export async function supervise<T extends Running>(options: SuperviseOptions<T>): Promise<Supervised> {
  const {
    name,
    start,
    say,
    onStart,
    beforeRestart,
    pause = { first: 500, longest: 30_000 },
    healthyAfter = 60_000,
  } = options
  const stopping = new AbortController()
  const isStopping = () => stopping.signal.aborted
  let current: T | undefined = await begin()
  const watching = watch()

  async function begin(): Promise<T> {
    const running = await start()
    await onStart?.(running)
    return running
  }

  async function watch(): Promise<void> {
    let delay = pause.first
    while (!isStopping()) {
      const since = Date.now()
      const how = current === undefined ? 'could not be started' : describe(await current.exited)
      if (isStopping()) return
      options.onEnd?.()
      if (Date.now() - since > healthyAfter) delay = pause.first
      say(`${name} ${how}; starting it again${beforeRestart === undefined ? ` in ${delay / 1000} s` : ''}`)
      await (beforeRestart?.(name) ?? sleep(delay, undefined, { signal: stopping.signal }).catch(() => undefined))
      delay = Math.min(delay * 2, pause.longest)
      if (!isStopping()) await restart()
    }
  }

  async function restart(): Promise<void> {
    try {
      current = await begin()
      say(`${name} runs again`)
    } catch (error) {
      current = undefined
      say(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  async function stop(): Promise<void> {
    stopping.abort()
    await current?.stop()
    await watching
    await current?.stop()
  }

  return { stop }
}

function describe(code: number | null): string {
  return code === null ? 'was killed' : `ended with code ${code}`
}
