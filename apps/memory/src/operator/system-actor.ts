import { userInfo } from 'node:os'

/** The user of the operating system as an actor of events, or `cli` where the system knows none. */
export function systemActor(): string {
  return `operator:${systemName()}`
}

function systemName(): string {
  try {
    const { username } = userInfo()
    return /^[\w.@-]{1,64}$/.test(username) ? username : 'cli'
  } catch {
    return 'cli'
  }
}
