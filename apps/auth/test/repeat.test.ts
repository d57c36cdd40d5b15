import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { repeat } from '../src/repeat.ts'

/** Work that counts how often it was done, and takes as long as the test says. */
function start(work: () => Promise<unknown>, everyMs = 5) {
  const warnings: unknown[] = []
  const log = { warn: (details: unknown) => void warnings.push(details) }
  const repeated = repeat({ name: 'work of a test', everyMs, work, log })
  onTestFinished(() => repeated.close())
  return { repeated, warnings }
}

test('work is done again and again', async () => {
  let runs = 0
  start(() => Promise.resolve((runs += 1)))
  await expect.poll(() => runs).toBeGreaterThan(3)
})

test('it is never done twice at the same time', async () => {
  let running = 0
  let most = 0
  let runs = 0
  start(async () => {
    running += 1
    most = Math.max(most, running)
    await sleep(15)
    running -= 1
    runs += 1
  }, 1)
  await expect.poll(() => runs).toBeGreaterThan(3)
  expect(most).toBe(1)
})

test('a run that fails is logged, and the next one comes all the same', async () => {
  let runs = 0
  const { warnings } = start(() => {
    runs += 1
    return Promise.reject(new Error('no luck'))
  })
  await expect.poll(() => runs).toBeGreaterThan(2)
  expect(warnings[0]).toMatchObject({ work: 'work of a test', err: new Error('no luck') })
})

test('closing waits for the run that is under way, and no other follows', async () => {
  const state = { begun: 0, isClosed: false }
  const { promise: end, resolve } = Promise.withResolvers<undefined>()
  const { repeated } = start(() => {
    state.begun += 1
    return end
  })
  await expect.poll(() => state.begun).toBe(1)
  const closing = repeated.close().then(() => (state.isClosed = true))
  await sleep(20)
  expect(state.isClosed).toBe(false)
  resolve(undefined)
  await closing
  await sleep(20)
  expect(state.begun).toBe(1)
})
