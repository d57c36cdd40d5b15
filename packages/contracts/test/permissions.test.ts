import { describe, expect, test } from 'vitest'
import { isConfinedToOwnSubject, PERMISSIONS, ROLE_PERMISSIONS, ROLES } from '../src/permissions.ts'

describe('the roles', () => {
  test('grow: what read_only may, user may; what user may, admin may', () => {
    const { read_only, user, admin, owner } = ROLE_PERMISSIONS
    expect(user).toEqual(expect.arrayContaining([...read_only]))
    expect(admin).toEqual(expect.arrayContaining([...user]))
    expect([...owner].sort()).toEqual([...admin].sort())
    expect(read_only.length).toBeLessThan(user.length)
    expect(user.length).toBeLessThan(admin.length)
  })

  test('name each permission once', () => {
    for (const role of ROLES) expect(new Set(ROLE_PERMISSIONS[role]).size).toBe(ROLE_PERMISSIONS[role].length)
    expect(new Set(PERMISSIONS).size).toBe(PERMISSIONS.length)
  })

  test('read_only may only read', () => {
    expect(ROLE_PERMISSIONS.read_only.every((permission) => permission.endsWith(':read'))).toBe(true)
  })

  test('user may not manage, audit, export, erase or administer', () => {
    const reserved = ['keys:manage', 'users:manage', 'audit:read', 'privacy:export', 'privacy:erase', 'admin:*']
    expect(ROLE_PERMISSIONS.user.filter((permission) => reserved.includes(permission))).toEqual([])
  })

  test('confine user and read_only to their own subject', () => {
    expect(ROLES.filter(isConfinedToOwnSubject)).toEqual(['user', 'read_only'])
  })
})
