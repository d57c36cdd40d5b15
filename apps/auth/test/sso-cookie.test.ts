import { expect, test } from 'vitest'
import { ssoCookie } from '../src/sso/sso-cookie.ts'

const [secure, plain] = ['https://memory.example.org/v1/callback', 'http://127.0.0.1:3456/v1/callback']
const VALUE = 'x'.repeat(43)

test('over HTTPS the cookie belongs to this host alone', () => {
  const cookie = ssoCookie(secure, 'state')
  expect(cookie.name).toMatch(/^__Host-memoric-sso-[0-9a-f]{16}$/)
  expect(cookie.set(VALUE)).toBe(`${cookie.name}=${VALUE}; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600`)
  expect(cookie.set(null)).toBe(`${cookie.name}=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0`)
})

test('over plain HTTP it goes to the callback only', () => {
  const cookie = ssoCookie(plain, 'state')
  expect(cookie.name).toMatch(/^memoric-sso-[0-9a-f]{16}$/)
  expect(cookie.set(VALUE)).toBe(`${cookie.name}=${VALUE}; Path=/v1/callback; HttpOnly; SameSite=Lax; Max-Age=600`)
})

test('each attempt has a cookie of its own', () => {
  expect(ssoCookie(secure, 'one').name).not.toBe(ssoCookie(secure, 'two').name)
})

test('its value is found among others', () => {
  const cookie = ssoCookie(secure, 'state')
  for (const header of [
    `${cookie.name}=${VALUE}`,
    `a=b; ${cookie.name}=${VALUE}; c=d`,
    `a=b;${cookie.name}=${VALUE};c=d`,
  ]) {
    expect(cookie.read(header)).toBe(VALUE)
  }
})

test.each([
  undefined,
  '',
  ';;;',
  '=',
  'a=b',
  `other-NAME=${VALUE}`,
  'NAME',
  'NAME=',
  `NAME=${VALUE}x`,
  `NAME="${VALUE}"`,
  `NAME=${VALUE.slice(1)}`,
  `NAME =${VALUE}`,
  `xNAME=${VALUE}`,
])('what is not its value is nothing: %s', (template) => {
  const cookie = ssoCookie(secure, 'state')
  expect(cookie.read(template?.replaceAll('NAME', cookie.name))).toBeNull()
})
