import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createKekRing, createLocalKek, type KekWrapped } from '../src/kek.ts'
import { ensureRootKey, type RootKeyStore, WrongKekError } from '../src/root-key.ts'

const context = { app: 'auth' }
const newProvider = () => createLocalKek(randomBytes(32).toString('base64'))
const newKek = () => createKekRing(newProvider())

function memoryStore(): RootKeyStore & { stored: KekWrapped | null } {
  return {
    stored: null,
    read() {
      return Promise.resolve(this.stored)
    },
    insertIfAbsent(key) {
      this.stored ??= key
      return Promise.resolve()
    },
    replace(before, next) {
      if (this.stored === before) this.stored = next
      return Promise.resolve()
    },
  }
}

test('makes a root key once and gives the same one ever after', async () => {
  const [kek, store] = [newKek(), memoryStore()]
  const first = await ensureRootKey(kek, store, context)
  expect(first).toHaveLength(32)
  expect(await ensureRootKey(kek, store, context)).toEqual(first)
})

test('processes that start at the same time agree on one root key', async () => {
  const [kek, store] = [newKek(), memoryStore()]
  const keys = await Promise.all(Array.from({ length: 8 }, () => ensureRootKey(kek, store, context)))
  expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(1)
})

test('what is stored does not contain the root key', async () => {
  const store = memoryStore()
  const key = await ensureRootKey(newKek(), store, context)
  expect(Buffer.from(store.stored!.wrapped).includes(key)).toBe(false)
})

test('another KEK is refused, and the error names both by id', async () => {
  const [kek, other, store] = [newKek(), newKek(), memoryStore()]
  await ensureRootKey(kek, store, context)
  const refused = await ensureRootKey(other, store, context).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(WrongKekError)
  expect(String(refused)).toContain(kek.id)
  expect(String(refused)).toContain(other.id)
})

test('a new KEK takes over what the one before wrapped', async () => {
  const [old, next, store] = [newProvider(), newProvider(), memoryStore()]
  const key = await ensureRootKey(createKekRing(old), store, context)
  expect(await ensureRootKey(createKekRing(next, [old]), store, context)).toEqual(key)
  expect(store.stored?.kekId).toBe(next.id)
  expect(await ensureRootKey(createKekRing(next), store, context)).toEqual(key)
})

test('the root key of one app does not unwrap as that of another', async () => {
  const [kek, store] = [newKek(), memoryStore()]
  await ensureRootKey(kek, store, context)
  await expect(ensureRootKey(kek, store, { app: 'memory' })).rejects.toThrow(WrongKekError)
})

test('a provider that is out of reach is not taken for a wrong key', async () => {
  const [kek, store] = [newKek(), memoryStore()]
  await ensureRootKey(kek, store, context)
  const away = { ...kek, unwrap: () => Promise.reject(new Error('connection refused')) }
  await expect(ensureRootKey(away, store, context)).rejects.toThrow('connection refused')
})
