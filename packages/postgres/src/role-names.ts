const ROLE_NAME = /^[a-z_][a-z0-9_]{0,62}$/

/** The two roles of an app: `owner` owns the database and cannot log in, `app` is what the running app uses. */
export interface RoleNames {
  readonly owner: string
  readonly app: string
}

/** `memoric_<app>_owner` and `memoric_<app>`. Throws RangeError when the app's name does not make role names. */
export function roleNames(app: string): RoleNames {
  const names = { owner: `memoric_${app}_owner`, app: `memoric_${app}` }
  assertRoleName(names.owner)
  return names
}

/** Throws RangeError unless the name is `[a-z_][a-z0-9_]{0,62}`: such a name needs no quotes in SQL. */
export function assertRoleName(name: string): void {
  if (!ROLE_NAME.test(name)) throw new RangeError('not a name for a role')
}
