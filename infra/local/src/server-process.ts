import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** How to start a child: the environment is exactly `env`, nothing is inherited. */
export interface ServerCommand {
  program: string
  args: string[]
  env: Record<string, string>
  cwd?: string
  uid?: number
  gid?: number
  /** Open files that the child inherits as 3, 4, ... */
  files?: number[]
  /** Hears what the child prints, line by line, unless `output` takes it. */
  log?: (line: string) => void
  /** An open file that takes what the child prints. */
  output?: number
}

/** A running child. */
export interface ServerProcess {
  pid: number
  /** Resolves with the exit code, or null when a signal ended it. */
  exited: Promise<number | null>
  running: () => boolean
  signal: (name: NodeJS.Signals) => void
  /** Sends the signals in turn, each after the time (ms) that the one before was given, until the child is gone. */
  stop: (steps: readonly (readonly [NodeJS.Signals, number])[]) => Promise<void>
}

/**
 * Starts a child outside of the terminal's process group (Ctrl-C reaches the parent alone, which then stops its children in order)
 * and with a guard that ends the child when this process dies without having stopped it.
 */
export async function startProcess(command: ServerCommand): Promise<ServerProcess> {
  const child = await spawnChild(command)
  const guard = spawnGuard(child.pid)
  let ended = false
  const exited = new Promise<number | null>((resolve) => {
    child.handle.once('exit', (code) => {
      ended = true
      guard.kill('SIGKILL')
      resolve(code)
    })
  })
  const signal = (name: NodeJS.Signals) => {
    if (!ended) child.handle.kill(name)
  }
  return { pid: child.pid, exited, running: () => !ended, signal, stop: (steps) => stopBySteps(signal, exited, steps) }
}

async function spawnChild(command: ServerCommand): Promise<{ handle: ChildProcess; pid: number }> {
  const { program, args, env, log = () => undefined, output = 'pipe', files = [], cwd, uid, gid } = command
  const stdio: StdioOptions = ['ignore', output, output, ...files]
  const ids = {
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
    ...(cwd !== undefined && { cwd }),
  }
  const handle = spawn(program, args, { env, stdio, detached: true, ...ids })
  for (const stream of [handle.stdout, handle.stderr]) if (stream !== null) createInterface(stream).on('line', log)
  await new Promise((resolve, reject) => {
    handle.once('spawn', resolve)
    handle.once('error', (cause) => reject(new Error(`${program} cannot be started`, { cause })))
  })
  if (handle.pid === undefined) throw new Error(`${program} has no process id`)
  return { handle, pid: handle.pid }
}

/** A shell that waits for the end of its input, which is the end of this process, and then ends the child's process group. */
function spawnGuard(pid: number): ChildProcess {
  const script = `read -r _; kill -INT ${pid}; sleep 30; kill -KILL -${pid}`
  const guard = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true, env: {} })
  guard.on('error', () => undefined)
  guard.stdin.on('error', () => undefined)
  guard.unref()
  return guard
}

async function stopBySteps(
  signal: (name: NodeJS.Signals) => void,
  exited: Promise<number | null>,
  steps: readonly (readonly [NodeJS.Signals, number])[],
): Promise<void> {
  for (const [name, patience] of steps) {
    signal(name)
    const timer = new AbortController()
    const gone = exited.then(() => true)
    const timeout = sleep(patience, false, { signal: timer.signal }).catch(() => false)
    const done = await Promise.race([gone, timeout])
    timer.abort()
    if (done) return
  }
  signal('SIGKILL')
  await exited
}
