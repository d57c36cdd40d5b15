import { CryptoError } from '@memoric/crypto/errors.ts'
import { expect, test } from 'vitest'
import { createSignInPlaces } from '../src/sessions/sign-in-places.ts'

/** Work that goes on until it is let go. */
function begin(run: (work: () => Promise<void>) => Promise<void>, count: number) {
  const gate = Promise.withResolvers<undefined>()
  const refusals: unknown[] = []
  const all = Array.from({ length: count }, () =>
    run(() => gate.promise).catch((error: unknown) => refusals.push(error)),
  )
  const end = async () => {
    gate.resolve(undefined)
    await Promise.all(all)
  }
  return { refusals, end, settled: () => Promise.race([Promise.all(all), new Promise(setImmediate)]) }
}

const busy = new CryptoError('busy')

test('no more passwords are judged at the same time than there are places, and places come free', async () => {
  const places = createSignInPlaces(4)
  const judged = begin((work) => places.judge(work), 6)
  await judged.settled()
  expect(judged.refusals).toEqual([busy, busy])
  await expect(places.ask(() => Promise.resolve())).rejects.toThrow(busy)
  await judged.end()
  await expect(places.judge(() => Promise.resolve(1))).resolves.toBe(1)
  await expect(places.judge(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  const again = begin((work) => places.judge(work), 5)
  await again.settled()
  expect(again.refusals).toEqual([busy])
  await again.end()
})

test('any number may ask while places are free, and only as many as there are places when half of them are taken', async () => {
  const places = createSignInPlaces(4)
  const many = begin((work) => places.ask(work), 100)
  await many.settled()
  expect(many.refusals).toEqual([])
  await many.end()
  const half = begin((work) => places.judge(work), 2)
  const some = begin((work) => places.ask(work), 5)
  await some.settled()
  expect(some.refusals).toEqual([busy, busy, busy])
  await Promise.all([half.end(), some.end()])
})
