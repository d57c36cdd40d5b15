import type { ISql } from 'postgres'

export interface CheckRolesOptions {
  /** Tables (`name` or `schema.name`, without `public.`) that hold nothing of a tenant, so that they need no row security. */
  readonly tablesWithoutRowSecurity: readonly string[]
}

/** The connection's role may do more than an app should. The message lists what, and how to fix it. */
export class RoleError extends Error {
  override readonly name = 'RoleError'
  readonly findings: readonly string[]

  constructor(findings: readonly string[]) {
    super(
      `The role of this database connection is too strong:\n${findings.map((finding) => `- ${finding}`).join('\n')}`,
    )
    this.findings = findings
  }
}

const ALWAYS_EXEMPT = ['memoric.migrations']

/**
 * Refuses a role that row security would not hold: superuser, BYPASSRLS, owner of a relation or a member of one, rights on a table
 * without enabled and forced row security, TRUNCATE, REFERENCES or TRIGGER on one, a view that runs with its owner's rights.
 * Throws RoleError.
 */
export async function checkRoles(sql: ISql, options: CheckRolesOptions): Promise<void> {
  const exempt = [...ALWAYS_EXEMPT, ...options.tablesWithoutRowSecurity]
  const findings = [...(await roleFindings(sql)), ...(await tableFindings(sql, exempt)), ...(await viewFindings(sql))]
  if (findings.length > 0) throw new RoleError(findings)
}

async function roleFindings(sql: ISql): Promise<string[]> {
  const [role] = await sql<{ name: string; superuser: boolean; bypass: boolean }[]>`
    select rolname as name, rolsuper as superuser, rolbypassrls as bypass from pg_roles where rolname = current_user`
  if (role === undefined) return ['the role is not in pg_roles']
  const findings: string[] = []
  if (role.superuser) findings.push(`${role.name} is a superuser: alter role ${role.name} nosuperuser`)
  if (role.bypass) findings.push(`${role.name} ignores row security: alter role ${role.name} nobypassrls`)
  return findings
}

interface TableRow {
  name: string
  owner: string
  owns: boolean
  secured: boolean
  excess: string | null
}

async function tableFindings(sql: ISql, exempt: readonly string[]): Promise<string[]> {
  const tables = await sql<TableRow[]>`
    select case nspname when 'public' then '' else nspname || '.' end || relname as name,
      pg_get_userbyid(relowner) as owner,
      pg_has_role(current_user, relowner, 'member') as owns,
      (relrowsecurity and relforcerowsecurity)
        or not has_table_privilege(c.oid, 'select, insert, update, delete') as secured,
      (select string_agg(right_name, ', ') from unnest(array['truncate', 'references', 'trigger']) as right_name
        where has_table_privilege(c.oid, right_name)) as excess
    from pg_class as c
    join pg_namespace as n on n.oid = relnamespace
    where relkind in ('r', 'p') and nspname not in ('pg_catalog', 'information_schema') and nspname not like 'pg_toast%'
      and nspname not like 'pg_temp%'
    order by 1`
  return tables.flatMap((table) => tableFinding(table, exempt.includes(table.name)))
}

function tableFinding({ name, owner, owns, secured, excess }: TableRow, exempt: boolean): string[] {
  if (owns)
    return [
      `it owns ${name}, or may act as ${owner}, who does: alter table ${name} owner to another role, revoke the membership`,
    ]
  const findings: string[] = []
  if (!secured && !exempt) {
    findings.push(
      `${name} has no forced row security: alter table ${name} enable row level security, force row level security`,
    )
  }
  if (excess !== null)
    findings.push(`it may ${excess} ${name}, which row security does not govern: revoke ${excess} on ${name}`)
  return findings
}

async function viewFindings(sql: ISql): Promise<string[]> {
  const views = await sql<{ name: string; kind: string }[]>`
    select case nspname when 'public' then '' else nspname || '.' end || relname as name, relkind::text as kind
    from pg_class as c
    join pg_namespace as n on n.oid = relnamespace
    where relkind in ('v', 'm') and nspname not in ('pg_catalog', 'information_schema')
      and has_table_privilege(c.oid, 'select')
      and not coalesce('security_invoker=true' = any(reloptions) or 'security_invoker=on' = any(reloptions), false)
    order by 1`
  return views.map(({ name, kind }) =>
    kind === 'v'
      ? `${name} shows what its owner may see: alter view ${name} set (security_invoker = true)`
      : `${name} is a materialised view, which has no row security: revoke select on ${name}`,
  )
}
