import { describe, expect, test } from 'vitest'
import { PERMISSIONS } from '../src/permissions.ts'
import type { Route } from '../src/route.ts'
import { ROUTES } from '../src/route-table.ts'
import { eventStreamRoutes } from '../src/event-stream-contract.ts'
import { ROUTES_OF_AUDIT } from '../src/routes-of-audit.ts'
import { ROUTES_OF_AUTH } from '../src/routes-of-auth.ts'
import { ROUTES_OF_MEMORY } from '../src/routes-of-memory.ts'

const routes = Object.entries<Route>(ROUTES)

describe('the route table', () => {
  test('has each method and path once, also when the names of placeholders are left out', () => {
    const lines = routes.map(([, { method, path }]) => `${method} ${path.replaceAll(/:\w+/g, ':')}`)
    expect(new Set(lines).size).toBe(lines.length)
  })

  test('gives each route to one app, and loses none', () => {
    const shared = [ROUTES_OF_AUTH, ROUTES_OF_MEMORY, ROUTES_OF_AUDIT, eventStreamRoutes].flatMap((part) =>
      Object.keys(part),
    )
    expect(shared.sort()).toEqual(Object.keys(ROUTES).sort())
  })

  test('leaves only signing in and out, mailed tokens and reports of leaks to anyone', () => {
    const open = routes.filter(([, { access }]) => access === 'anyone').map(([id]) => id)
    const mailed = ['acceptInvitation', 'forgotPassword', 'resendVerification', 'resetPassword', 'verifyEmail']
    const tokens = ['issueToken', 'login', 'logout', 'refresh', 'register', 'startSso', 'finishSso']
    expect(open.sort()).toEqual([...mailed, ...tokens, 'reportLeak'].sort())
  })

  test('counts attempts to sign in', () => {
    expect(ROUTES.login.rate).toBe('sign_in')
    expect(ROUTES.register.rate).toBe('sign_in')
  })
})

/** Where a browser passes through: it reads, signs in, and brings along what the identity provider likes to add. */
const isSso = (id: string): boolean => ['startSso', 'finishSso'].includes(id)

describe.each(routes)('the route %s', (id, route) => {
  test('has an access that exists', () => {
    expect([...PERMISSIONS, 'signed_in', 'anyone']).toContain(route.access)
  })

  test('describes each placeholder of its path, and no other', () => {
    const placeholders = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name)
    expect(Object.keys(route.params?.shape ?? {})).toEqual(placeholders)
  })

  test('has a body only where HTTP gives it a meaning', () => {
    expect(route.body !== undefined && ['GET', 'DELETE'].includes(route.method)).toBe(false)
  })

  test('counts as a write unless it only reads', () => {
    if (route.method === 'GET' && !isSso(id)) expect(route.rate).toBe('read')
    if (/:(?:write|delete|manage)$/.test(route.access) && route.method !== 'GET') expect(route.rate).toBe('write')
  })

  test('answers a success, without a body exactly when it is 204', () => {
    const answers = Object.entries(route.responses)
    expect(answers.length).toBeGreaterThan(0)
    for (const [status, schema] of answers) {
      expect(Number(status)).toBeLessThan(status === '302' ? 303 : 300)
      expect(schema === null).toBe(['204', '302'].includes(status))
    }
  })

  test('refuses fields that it does not know', () => {
    // Standards let others add parameters to what identity providers and OAuth clients send.
    for (const part of [route.params, isSso(id) || route.form ? undefined : route.query, route.body]) {
      const { error } = part?.safeParse({ planted_field: 1 }) ?? {}
      if (part !== undefined) expect(error?.issues.map(({ code }) => code)).toContain('unrecognized_keys')
    }
  })
})
