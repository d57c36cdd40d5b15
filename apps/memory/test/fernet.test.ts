import { describe, expect, test } from 'vitest'
import { isFernetToken, openFernetToken, parseFernetKey } from '../src/import-python/fernet.ts'
import { openContent } from '../src/import-python/open-content.ts'
import { sealFernet } from './seal-fernet.ts'

/** https://github.com/fernet/spec, generate.json and verify.json. */
const SECRET = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4='
const TOKEN = 'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA=='
const key = parseFernetKey(SECRET)!

describe('Fernet', () => {
  test('opens the token of the specification, and makes the same one', () => {
    expect(openFernetToken(key, TOKEN)?.toString()).toBe('hello')
    const iv = Buffer.from(Array.from({ length: 16 }, (_, n) => n))
    expect(sealFernet(key, 'hello', { iv, seconds: 499_162_800 })).toBe(TOKEN)
  })

  test('opens no token of which a byte was changed, or with another key', () => {
    const bytes = Buffer.from(TOKEN, 'base64url')
    for (const at of bytes.keys()) {
      const changed = Buffer.from(bytes)
      changed[at] = changed[at]! ^ 1
      expect(openFernetToken(key, changed.toString('base64url')), String(at)).toBeNull()
    }
    expect(openFernetToken(parseFernetKey(Buffer.alloc(32, 1).toString('base64url'))!, TOKEN)).toBeNull()
  })

  test.each([
    ['too short', 'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA=='],
    [
      'not base64',
      '%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==',
    ],
    [
      'a payload that is no multiple of a block',
      'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm',
    ],
    ['a text', 'I prefer tea'],
    ['nothing', ''],
  ])('is not %s', (_what, text) => {
    expect(isFernetToken(text)).toBe(false)
    expect(openFernetToken(key, text)).toBeNull()
  })

  test('opens no token whose padding is wrong', () => {
    const bad = 'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw=='
    expect(openFernetToken(key, bad)).toBeNull()
  })

  test('has keys of 32 bytes', () => {
    for (const text of ['', 'x', SECRET.slice(4), `${SECRET}AAAA`, 'a b']) expect(parseFernetKey(text)).toBeNull()
  })
})

describe('a content of the Python memoric', () => {
  const twice = Buffer.from(TOKEN).toString('base64')

  test('is a token, mostly in base64 once more, or plain text', () => {
    for (const stored of [TOKEN, twice]) expect(openContent([key], stored)).toEqual({ content: 'hello' })
    for (const stored of ['hello', 'aGVsbG8=', 'gAAAAA is how they begin']) {
      expect(openContent([key], stored)).toEqual({ content: stored })
    }
  })

  test('is never a token that does not open', () => {
    const other = parseFernetKey(Buffer.alloc(32, 1).toString('base64url'))!
    for (const stored of [TOKEN, twice]) {
      expect(openContent([], stored)).toEqual({ why: 'is encrypted: a key is needed (--fernet-key-file)' })
      expect(openContent([other], stored)).toEqual({ why: 'cannot be decrypted with this key' })
      expect(openContent([other, key], stored)).toEqual({ content: 'hello' })
    }
  })
})
