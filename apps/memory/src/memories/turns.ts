export interface Turns {
  /** Runs the work after all that was begun before under the same name. A lone one never waits. */
  take<R>(name: string, work: () => Promise<R>): Promise<R>
}

/** Lets writers of one memory that got in each other's way go one after the other, and wait for each other without a connection. */
export function createTurns(): Turns {
  const latest = new Map<string, Promise<unknown>>()
  return {
    async take(name, work) {
      const own = (latest.get(name) ?? Promise.resolve()).then(work)
      const ended = own.catch(() => undefined)
      latest.set(name, ended)
      try {
        return await own
      } finally {
        if (latest.get(name) === ended) latest.delete(name)
      }
    },
  }
}
