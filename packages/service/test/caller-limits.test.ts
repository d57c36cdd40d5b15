import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allows, namespaceFor, requireAccess, requirePermission, subjectFor } from '../src/caller-limits.ts'
import { testCaller } from './test-caller.ts'

function code(expected: string): Error {
  return expect.objectContaining({ code: expected }) as Error
}

describe('access to a route', () => {
  const anonymous = testCaller({ principal: { type: 'anonymous', id: 'anonymous' }, permissions: ['memories:read'] })

  test('for anyone needs nothing', () => {
    expect(() => requireAccess(anonymous, 'anyone')).not.toThrow()
  })

  test('for the signed in needs a credential but no permission', () => {
    expect(() => requireAccess(testCaller({ permissions: [] }), 'signed_in')).not.toThrow()
    expect(() => requireAccess(anonymous, 'signed_in')).toThrow(code('authentication_required'))
  })

  test('by permission needs that very permission, and a credential', () => {
    expect(() => requireAccess(testCaller(), 'memories:read')).not.toThrow()
    expect(() => requireAccess(testCaller(), 'memories:delete')).toThrow(code('permission_denied'))
    expect(() => requireAccess(testCaller({ permissions: ['admin:*'] }), 'memories:read')).toThrow(
      code('permission_denied'),
    )
    expect(() => requireAccess(anonymous, 'memories:read')).toThrow(code('authentication_required'))
  })

  test('denied names the permission that is missing', () => {
    const denied = expect.objectContaining({ detail: 'keys:manage is needed' }) as Error
    expect(() => requirePermission(testCaller(), 'keys:manage')).toThrow(denied)
  })
})

describe.each([
  ['subject', subjectFor, 'subjects', 'subject_not_allowed'],
  ['namespace', namespaceFor, 'namespaces', 'namespace_not_allowed'],
] as const)('the %s of a request', (_name, pick, list, refusal) => {
  test('is the one it names', () => {
    expect(pick(testCaller(), 'ann', 'default')).toBe('ann')
    expect(pick(testCaller({ [list]: ['ann', 'bob'] }), 'bob', 'default')).toBe('bob')
  })

  test('is the only one of the credential when it names none', () => {
    expect(pick(testCaller({ [list]: ['ann'] }), undefined, 'default')).toBe('ann')
  })

  test('is the default when the credential has no limit or the default is on its list', () => {
    expect(pick(testCaller(), undefined, 'default')).toBe('default')
    expect(pick(testCaller({ [list]: ['ann', 'default'] }), undefined, 'default')).toBe('default')
  })

  test.each([
    ['is not on the list', ['ann'], 'bob'],
    ['differs in case', ['ann'], 'Ann'],
    ['is empty', ['ann'], ''],
    ['is a star', ['ann'], '*'],
    ['is the default, not on the list', ['ann', 'bob'], undefined],
    ['is anything, when the list is empty', [], 'ann'],
  ])('is refused when it %s', (_why, names, requested) => {
    expect(() => pick(testCaller({ [list]: names }), requested, 'default')).toThrow(code(refusal))
  })

  test('is never one outside the list', () => {
    const law = fc.property(fc.array(fc.string()), fc.option(fc.string(), { nil: undefined }), (names, requested) => {
      try {
        expect(names).toContain(pick(testCaller({ [list]: names }), requested, 'default'))
      } catch (error) {
        expect(error).toMatchObject({ code: refusal })
      }
    })
    fc.assert(law)
  })
})

test('a list that contains a star is not a list without limit', () => {
  expect(allows(['*'], 'ann')).toBe(false)
  expect(allows('*', 'ann')).toBe(true)
})
