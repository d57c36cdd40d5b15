// Runs on any Node >= 18 and needs nothing installed: installs the workspace when it has to, then hands over to the pinned Node.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const modules = join(root, 'node_modules')
const stamp = join(modules, '.memoric-installed')
const compileCache = join(modules, '.cache', 'compile')
const pnpm = ['-y', JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager]

const commands = {
  start: (args) => [node(), ['infra/local/src/main.ts', ...args], true],
  check: (args) => ['npx', [...pnpm, 'run', 'check', ...args]],
  demo: (args) => [node(), ['infra/local/src/demo.ts', ...args]],
  'demo:agent': (args) => [node(), ['infra/local/src/agent-demo/main.ts', ...args]],
  bench: (args) => [node(), ['bench/main.ts', ...args]],
  'bench:audit': (args) => [node(), ['bench/audit/main.ts', ...args]],
  'bench:retrieval': (args) => [node(), ['bench/retrieval/main.ts', ...args]],
  chaos: (args) => [node(), ['bench/chaos/main.ts', ...args]],
  attack: (args) => [node(), ['bench/attack/main.ts', ...args]],
  'service-keys': (args) => [node(), ['infra/setup/src/main.ts', ...args]],
  verify: (args) => [node(), ['packages/verifier/src/main.ts', ...args]],
  witness: (args) => [node(), ['packages/verifier/src/witness/main.ts', ...args]],
  memoric: (args) => [node(), ['infra/local/src/operator.ts', ...args]],
}

/** What the installed packages depend on; a change of it asks for another install. */
function fingerprint() {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}`)
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'])
    hash.update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

function isInstalled() {
  return existsSync(node()) && existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint()
}

function node() {
  return join(modules, 'node', 'bin', 'node')
}

async function install() {
  process.stdout.write('Installing dependencies (the first time this takes a minute)\n')
  const args = [...pnpm, 'install', '--frozen-lockfile', '--reporter=append-only', '--config.confirmModulesPurge=false']
  const { code, output } = await run('npx', args, { quiet: true })
  if (code !== 0) {
    process.stderr.write(`${output}\nThe dependencies could not be installed (see above).\n`)
    process.exit(code)
  }
  await compileApps()
  writeFileSync(stamp, fingerprint())
}

/** Lets each app load once, so that it starts from compiled code: less time, and 30 MiB less memory without the TypeScript stripper. */
async function compileApps() {
  const settings = JSON.parse(readFileSync(join(root, 'infra', 'setup', 'src', 'runtime-settings.json'), 'utf8'))
  const env = { ...settings, NODE_COMPILE_CACHE: compileCache }
  // One after the other: processes that fill the cache at the same time leave gaps in it.
  for (const app of ['auth', 'memory', 'audit', 'gateway']) {
    await run(node(), [join(root, 'apps', app, 'src', 'main.ts')], { quiet: true, env })
  }
}

/** Runs a program in the foreground; signals that reach this process are passed on, and it ends as the program does. */
function run(program, args, { quiet = false, linked = false, env = environment() } = {}) {
  const out = quiet ? 'pipe' : 'inherit'
  const stdio = linked ? ['inherit', out, out, 'ipc'] : ['inherit', out, out]
  const child = spawn(program, args, { cwd: root, env, stdio })
  const forward = (signal) => child.kill(signal)
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, forward)
  const orphaned = watchStarter(() => child.kill('SIGTERM'))
  let output = ''
  child.stdout?.on('data', (data) => (output += data))
  child.stderr?.on('data', (data) => (output += data))
  return new Promise((resolve) => {
    const end = (code) => {
      clearInterval(orphaned)
      for (const signal of signals) process.off(signal, forward)
      resolve({ code, output })
    }
    child.on('error', (error) => {
      process.stderr.write(`${program} cannot be started: ${error.message}\n`)
      end(127)
    })
    child.on('close', (code, signal) => end(code ?? 128 + (constants.signals[signal] ?? 0)))
  })
}

/** The environment of the person, with the pinned Node first on PATH. */
function environment() {
  const path = [dirname(node()), join(modules, '.bin'), process.env.PATH].join(delimiter)
  return { NODE_COMPILE_CACHE: compileCache, ...process.env, PATH: path }
}

/** npm may end (SIGTERM, SIGKILL) without a word to its script; then nobody could stop the script from the terminal any more. */
function watchStarter(onGone) {
  const chain = starters()
  const isIntact = () => chain.every((pid, index) => parentOf(index === 0 ? process.pid : chain[index - 1]) === pid)
  const timer = setInterval(() => {
    if (!isIntact()) onGone()
  }, 1000)
  timer.unref()
  return timer
}

/** The processes from this one's parent (maybe a shell or two) up to npm; none if it was not npm that started this. */
function starters() {
  const chain = []
  if (process.env.npm_lifecycle_event === undefined) return chain
  for (let pid = process.ppid; pid > 1 && chain.length < 5; pid = parentOf(pid)) {
    chain.push(pid)
    const command = ask(pid, 'command')
    if (/\b(npm|pnpm|yarn)/.test(command) && !command.includes('bootstrap.mjs')) return chain
  }
  return []
}

function parentOf(pid) {
  if (pid === process.pid) return process.ppid
  const [, parent] = /\) \S (\d+) /.exec(readText(`/proc/${pid}/stat`)) ?? [undefined, ask(pid, 'ppid')]
  return Number(parent)
}

function ask(pid, what) {
  if (process.platform === 'linux') return what === 'command' ? readText(`/proc/${pid}/cmdline`) : ''
  return spawnSync('ps', ['-o', `${what}=`, '-p', String(pid)], { encoding: 'utf8' }).stdout?.trim() ?? ''
}

function readText(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

const [name = 'start', ...args] = process.argv.slice(2)
if (!Object.hasOwn(commands, name)) {
  process.stderr.write(`Usage: node infra/local/bootstrap.mjs ${Object.keys(commands).join(' | ')}\n`)
  process.exit(2)
}
if (!isInstalled()) await install()
const [program, programArguments, linked = false] = commands[name](args)
const { code } = await run(program, programArguments, { linked })
process.exit(code)
