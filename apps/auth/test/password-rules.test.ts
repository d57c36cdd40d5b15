import { AppError } from '@memoric/service/app-error.ts'
import { expect, test } from 'vitest'
import { isCommonPassword } from '../src/passwords/common-passwords.ts'
import { type PasswordOwner, requireGoodPassword, requireOtherPassword } from '../src/passwords/password-rules.ts'

const owner: PasswordOwner = {
  email: 'ada.lovelace@example.com',
  displayName: 'Ada Lovelace',
  tenantName: 'Acme Works',
  hasSecondFactor: false,
  minLength: null,
}

/** Why a password is refused, or undefined. */
async function refusal(password: string, more: Partial<PasswordOwner> = {}): Promise<string | undefined> {
  const error: unknown = await requireGoodPassword(password, { ...owner, ...more }).catch((one: unknown) => one)
  if (error === undefined) return undefined
  expect(error).toMatchObject({ code: 'weak_password', status: 422, errors: [{ pointer: '/password' }] })
  return (error as AppError).detail
}

const letters = (length: number) => 'kxqzjwvbpfygmhu'.repeat(9).slice(0, length).replace(/.$/, '!')

test.each([
  [14, {}, 'it has 14 characters and needs 15 at least'],
  [15, {}, undefined],
  [128, {}, undefined],
  [129, {}, 'it has 129 characters and may have 128 at most'],
  [7, { hasSecondFactor: true }, 'it has 7 characters and needs 8 at least'],
  [8, { hasSecondFactor: true }, undefined],
  [39, { minLength: 40 }, 'it has 39 characters and needs 40 at least'],
  [40, { minLength: 40 }, undefined],
  [14, { minLength: 10 }, 'it has 14 characters and needs 15 at least'],
  [8, { minLength: 40, hasSecondFactor: true }, undefined],
])('%i characters with %j', async (length, more, reason) => {
  expect(await refusal(letters(length), more)).toBe(reason)
})

test.each([
  ['code points outside the basic plane count once', '🦉🐝🐙🦊🐻🐼🐨🐯🦁🐮🐷🐸🐵🐔', 14],
  ['what NFKC makes fewer counts as fewer', 'bk xqz jwv bpe\u0301', 14],
  ['what NFKC makes more counts as more', 'ﬃ'.repeat(4), 12],
])('%s', async (_name, password, length) => {
  expect(await refusal(password)).toBe(`it has ${length} characters and needs 15 at least`)
})

test.each([
  'correct horse battery staple',
  'пароль с пробелами ',
  '三年前の夏に富士山へ登りました',
  ' spaces at both ends ',
  'only small letters here',
])('any characters will do: %s', async (password) => {
  expect(await refusal(password)).toBeUndefined()
})

test.each([
  ['the e-mail address', 'ada.lovelace@example.com'],
  ['the e-mail address', 'ADA.LOVELACE@EXAMPLE.COM'],
  ['the e-mail address', 'ada.lovelace 2026!'],
  ['the e-mail address', 'ada.lovelaceada.lovelace'],
  ['the e-mail address', 'lovelace@example.com'.padStart(24, 'ada.')],
  ['the name of the tenant', 'Acme Works 12345'],
  ['the name of the tenant', 'acmeworksacmeworks'],
  ['the name of the tenant', '!!! acme-works !!!'],
  ['the name of this service', 'memoric-memoric-memoric'],
  ['the name of this service', 'MEMORIC12345678'],
  ['the name of this service', 'memoricmemoricmemo'],
])('it may not be little more than %s: %s', async (what, password) => {
  expect(await refusal(password)).toBe(`it is little more than ${what}`)
})

test('nor the name of the user', async () => {
  const nameOf = { email: 'x@example.com', displayName: 'Grace Brewster Hopper' }
  expect(await refusal('grace brewster hopper', nameOf)).toBe('it is little more than the name of the user')
  expect(await refusal('gracebrewsterhopper99', nameOf)).toBe('it is little more than the name of the user')
})

test('such a word within a longer phrase is fine', async () => {
  expect(await refusal('memoric keeps what ada lovelace said')).toBeUndefined()
})

test.each(['xxxxxxxxxxxxxxx', 'xyxyxyxyxyxyxyxy', 'abcabcabcabcabcabc', '🦉'.repeat(15)])(
  'it may not repeat a few characters: %s',
  async (password) => {
    expect(await refusal(password)).toBe('it repeats the same few characters')
  },
)

test.each([
  '123456789012345',
  '987654321098765',
  'abcdefghijklmnop',
  'AbCdEfGhIjKlMnO',
  '111122223333444',
  'abcdefgh1234567',
])('it may not be a sequence: %s', async (password) => {
  expect(await refusal(password)).toBe('it is a sequence of neighbouring characters')
})

// The first ones are of the places 1, 100, 1000, 3000 and 9500 among those of 15 characters or more.
test.each([
  'Mailcreated5240',
  'youngandrestless',
  'MauriceundTommy',
  'zcjdthitycndj11',
  'vladislavchenko',
  'passwordpassword',
  'QwertyuiopAsdfgh',
  'iloveyouiloveyou',
  'dragon dragon dragon',
  'letmeinletmein2026',
  '1qaz2wsx3edc4rfv!',
])('it may not be common, whatever its case and padding: %s', async (password) => {
  expect(await refusal(password)).toBe('it is one of the passwords that are tried first')
})

test.each(['password', 'Baseball1', 'trustno1', 'password#', '!qaz2wsx', 'Superman1'])(
  'also beside a second factor: %s',
  async (password) => {
    expect(await refusal(password, { hasSecondFactor: true })).toBe('it is one of the passwords that are tried first')
  },
)

test('few texts seem to be on the list that are not', async () => {
  let found = 0
  for (let number = 0; number < 20_000; number += 1) if (await isCommonPassword(`not on any list ${number}`)) found += 1
  expect(found).toBeLessThan(10)
})

test('the pointer names the field that holds the password', async () => {
  await expect(requireGoodPassword('short', owner, '/new_password')).rejects.toMatchObject({
    errors: [{ pointer: '/new_password' }],
  })
})

test('no answer repeats the password', async () => {
  for (const password of ['short one', 'memoricmemoricmemoric', 'passwordpassword']) {
    expect(await refusal(password)).not.toContain(password)
  }
})

test('a new password is another one, also when it is typed on another keyboard', () => {
  expect(() => requireOtherPassword('ein Caf\u00e9 am Morgen', 'ein Cafe\u0301 am Morgen')).toThrow(AppError)
  expect(() => requireOtherPassword('ein Café am Morgen', 'Ein Café am Morgen')).not.toThrow()
})
