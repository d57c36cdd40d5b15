import postgres, { type Sql } from 'postgres'
import { migrate } from './migrate.ts'
import { roleNames, type RoleNames } from './role-names.ts'

export interface DatabasePlan {
  /** Name of the database: `memoric_auth`. */
  readonly name: string
  /** Name of the app, from which the roles get theirs: `auth`. */
  readonly app: string
  readonly appPassword: string
  readonly migrationsDirectory: string
}

export interface PrepareOptions {
  /** A superuser, or a role with CREATEDB and CREATEROLE. */
  readonly adminUrl: string
  readonly databases: readonly DatabasePlan[]
}

export interface PreparedDatabase {
  readonly name: string
  readonly app: string
  /** URL with the app's role and password. */
  readonly url: string
  /** Names of the migrations applied now. */
  readonly applied: readonly string[]
}

const PREPARE_LOCK = 6_365_640

/**
 * Makes the roles and databases of the apps, or brings them up to date; may be run again at any time, also twice at once.
 * Throws MigrationError, or the error of the database.
 */
export async function prepareDatabases({ adminUrl, databases }: PrepareOptions): Promise<PreparedDatabase[]> {
  const admin = connect(adminUrl)
  try {
    await admin`select pg_advisory_lock(${PREPARE_LOCK})`
    const prepared: PreparedDatabase[] = []
    for (const plan of databases) prepared.push(await prepareDatabase(admin, adminUrl, plan))
    return prepared
  } finally {
    await admin.end({ timeout: 5 })
  }
}

async function prepareDatabase(admin: Sql, adminUrl: string, plan: DatabasePlan): Promise<PreparedDatabase> {
  const roles = roleNames(plan.app)
  await prepareRoles(admin, roles, plan.appPassword)
  await prepareEmptyDatabase(admin, roles, plan.name)
  const owner = connect(withDatabase(adminUrl, plan.name), { role: roles.owner })
  try {
    const applied = await migrate(owner, { directory: plan.migrationsDirectory, appRole: roles.app })
    return { name: plan.name, app: plan.app, url: appUrl(adminUrl, plan, roles), applied }
  } finally {
    await owner.end({ timeout: 5 })
  }
}

async function prepareRoles(admin: Sql, roles: RoleNames, appPassword: string): Promise<void> {
  const rows = await admin<{ rolname: string }[]>`
    select rolname from pg_roles where rolname in ${admin([roles.owner, roles.app])}`
  const existing = new Set(rows.map(({ rolname }) => rolname))
  if (!existing.has(roles.owner)) await admin`create role ${admin(roles.owner)} nologin inherit`
  if (!existing.has(roles.app)) await admin`create role ${admin(roles.app)} noinherit`
  await setPassword(admin, roles.app, appPassword)
  await joinOwner(admin, roles.owner)
}

/** `alter role` takes no parameters: the server quotes the password. */
async function setPassword(admin: Sql, role: string, password: string): Promise<void> {
  const [row] = await admin<{ statement: string }[]>`
    select format('alter role %I login noinherit nocreatedb nocreaterole password %L', ${role}::text, ${password}::text) as statement`
  if (row !== undefined) await admin.unsafe(row.statement)
}

/** An administrator that is no superuser must be a member of the owner role to make databases for it and act as it. */
async function joinOwner(admin: Sql, owner: string): Promise<void> {
  const [row] = await admin<
    { superuser: boolean }[]
  >`select rolsuper as superuser from pg_roles where rolname = current_user`
  if (row?.superuser === false) await admin`grant ${admin(owner)} to current_user`
}

async function prepareEmptyDatabase(admin: Sql, roles: RoleNames, name: string): Promise<void> {
  const existing = await admin`select 1 from pg_database where datname = ${name}`
  if (existing.length === 0) await admin`create database ${admin(name)} owner ${admin(roles.owner)}`
  await admin`set role ${admin(roles.owner)}`
  await admin`revoke all on database ${admin(name)} from public`
  await admin`grant connect on database ${admin(name)} to ${admin(roles.app)}`
  await admin`reset role`
}

function connect(url: string, connection: Record<string, string> = {}): Sql {
  return postgres(url, { max: 1, connect_timeout: 5, onnotice: () => undefined, connection })
}

function withDatabase(url: string, database: string): string {
  return Object.assign(new URL(url), { pathname: `/${database}` }).href
}

function appUrl(adminUrl: string, plan: DatabasePlan, roles: RoleNames): string {
  const url = new URL(withDatabase(adminUrl, plan.name))
  url.username = roles.app
  url.password = encodeURIComponent(plan.appPassword)
  return url.href
}
