import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { encodeCheckpoint, parseCheckpoint } from '../src/checkpoint.ts'
import { CryptoError } from '../src/errors.ts'
import { createNoteSigner, encodeVerifierKey, parseVerifierKey, textOf, verifyNote } from '../src/signed-note.ts'

const text = 'example.org/log\n7\nqbmx3mKBuZkPsCg1zuDBSPeZcaYT8WRdVXOUIA5X1rs=\n'
const log = createNoteSigner('example.org/log', randomBytes(32))
const witness = createNoteSigner('witness.example.org', randomBytes(32), {
  cosigns: true,
  now: () => 1_790_000_000_500,
})
const verifiers = [log, witness].map(({ verifierKey }) => parseVerifierKey(verifierKey))
const wrong = new CryptoError('decryption_failed')

test('a verifier key is its name, a hash of name and key, and the key', () => {
  const key = encodeVerifierKey('example.org/log', Buffer.alloc(32, 7))
  expect(key).toMatch(/^example\.org\/log\+[0-9a-f]{8}\+AQcH/)
  expect(parseVerifierKey(key)).toMatchObject({ name: 'example.org/log', cosigns: false })
})

test.each([
  '',
  'name',
  'a name+00000000+AQ==',
  `${log.verifierKey}A`,
  log.verifierKey.replace(/\+[0-9a-f]{8}\+/, '+00000000+'),
  log.verifierKey.replace('example.org/log', 'example.org/lug'),
])('%o is no verifier key', (key) => {
  expect(() => parseVerifierKey(key)).toThrow(new CryptoError('invalid_key'))
})

test.each(['', 'a name', 'a+name', 'n'.repeat(256)])('%o is no name of a signer', (name) => {
  expect(() => createNoteSigner(name, randomBytes(32))).toThrow(new CryptoError('invalid_label'))
})

describe('a signed note', () => {
  const note = witness.sign(log.sign(text))

  test('is the text, an empty line, and a line for each signature', () => {
    expect(note.startsWith(`${text}\n\u2014 example.org/log `)).toBe(true)
    expect(note.split('\n')).toHaveLength(7)
    expect(textOf(note)).toBe(text)
  })

  test('is verified by the keys of its signers; cosignatures tell when', () => {
    expect(verifyNote(note, verifiers)).toEqual([
      { name: 'example.org/log' },
      { name: 'witness.example.org', time: 1_790_000_000 },
    ])
  })

  test('passes over signers that are not known', () => {
    const stranger = createNoteSigner('example.org/log', randomBytes(32))
    expect(verifyNote(note, [parseVerifierKey(stranger.verifierKey)])).toEqual([])
  })

  test('with any changed byte is refused', () => {
    for (let at = 0; at < text.length - 1; at++) {
      const changed = `${note.slice(0, at)}${note[at] === 'A' ? 'B' : 'A'}${note.slice(at + 1)}`
      expect(() => verifyNote(changed, verifiers)).toThrow(wrong)
    }
  })

  test('whose time was changed is refused', () => {
    const cosigned = witness.sign(text)
    const [line = ''] = cosigned.slice(text.length).split('\n').slice(1)
    const bytes = Buffer.from(line.split(' ')[2] ?? '', 'base64')
    bytes[11]! ^= 1
    const changed = cosigned.replace(line.split(' ')[2] ?? '', bytes.toString('base64'))
    expect(() => verifyNote(changed, verifiers)).toThrow(wrong)
  })

  test.each(['', 'no line break', text, `${text}\n`, `${text}\n\u2014 name\n`, `${text}\n\u2014 name AAAA`])(
    '%o is no signed note',
    (bad) => {
      expect(() => verifyNote(bad, verifiers)).toThrow(new CryptoError('invalid_box'))
    },
  )
})

describe('a checkpoint', () => {
  const checkpoint = { origin: 'example.org/log', size: 9_007_199_254_740_991, root: randomBytes(32) }

  test('is read as it was written, signed or not', () => {
    const body = encodeCheckpoint(checkpoint)
    expect(parseCheckpoint(body)).toEqual(checkpoint)
    expect(parseCheckpoint(log.sign(body))).toEqual(checkpoint)
  })

  test.each([
    '\n1\nAAAA\n',
    `o\n-1\n${Buffer.alloc(32).toString('base64')}\n`,
    `o\n01\n${Buffer.alloc(32).toString('base64')}\n`,
    `o\n9007199254740993\n${Buffer.alloc(32).toString('base64')}\n`,
    `o\n1\n${Buffer.alloc(31).toString('base64')}\n`,
    `o\n1\n${Buffer.alloc(32).toString('base64')}!\n`,
    'o\n1\n',
  ])('%o is none', (bad) => {
    expect(() => parseCheckpoint(bad)).toThrow(new CryptoError('invalid_box'))
  })
})
