import { isIP } from 'node:net'
import { ConfigError, flag } from './config.ts'

/** Variable of every app, for networks on which encryption is left out on purpose. */
export const networkConfig = {
  MEMORIC_PRIVATE_NETWORK: flag
    .default(false)
    .describe(
      'in production: the network between the apps, PostgreSQL and NATS is closed to others, as one machine is',
    ),
}

/** What the rules look at; an app gives its whole configuration. */
export interface ProductionValues {
  readonly NODE_ENV: 'development' | 'test' | 'production'
  readonly HOST: string
  readonly NATS_URL: string
  readonly MEMORIC_PRIVATE_NETWORK: boolean
  readonly DATABASE_URL?: string | undefined
  readonly KEK_PROVIDER?: string | undefined
  readonly VAULT_ADDR?: string | undefined
  readonly EMBEDDINGS_URL?: string | undefined
  readonly MEMORIC_ALLOW_LOCAL_KEK?: boolean | undefined
  readonly AUTH_URL?: string | undefined
  readonly MEMORY_URL?: string | undefined
  readonly AUDIT_URL?: string | undefined
  readonly MAIL_SMTP_URL?: string | undefined
  readonly TRUSTED_PROXIES?: readonly string[] | undefined
}

/** `public`: clients reach the app; `internal`: only other apps do. */
export type Exposure = 'public' | 'internal'

const ALLOW_PRIVATE = 'or set MEMORIC_PRIVATE_NETWORK=true if nobody else reaches the network in between'

/** Throws ConfigError, naming every broken rule, when the configuration is not safe enough for `NODE_ENV=production`. */
export function checkProduction(values: ProductionValues, exposure: Exposure): void {
  if (values.NODE_ENV !== 'production') return
  const broken = brokenRules(values, exposure)
  if (broken.length === 0) return
  throw new ConfigError(`In production this configuration is refused:\n${broken.map((rule) => `  ${rule}`).join('\n')}`)
}

/** One sentence for each rule of production that the configuration breaks; no value of it is repeated. */
export function brokenRules(values: ProductionValues, exposure: Exposure): string[] {
  return [
    ...(exposure === 'public' ? publicAddress(values) : []),
    ...(values.MEMORIC_PRIVATE_NETWORK ? [] : plainConnections(values, exposure)),
    ...plainMail(values),
    ...localKek(values),
  ]
}

function publicAddress({ HOST, TRUSTED_PROXIES = [] }: ProductionValues): string[] {
  if (isThisMachine(HOST) || TRUSTED_PROXIES.length > 0) return []
  return ['HOST: plain HTTP on a public address; set TRUSTED_PROXIES to the proxy that speaks HTTPS to clients.']
}

function plainConnections(values: ProductionValues, exposure: Exposure): string[] {
  const rules: string[] = []
  if (exposure === 'internal' && !isThisMachine(values.HOST)) {
    rules.push(`HOST: plain HTTP to other machines; listen on 127.0.0.1, ${ALLOW_PRIVATE}.`)
  }
  if (values.DATABASE_URL !== undefined && isPlainPostgres(values.DATABASE_URL)) {
    rules.push(`DATABASE_URL: plain PostgreSQL to another machine; add ?sslmode=verify-full, ${ALLOW_PRIVATE}.`)
  }
  if (values.NATS_URL.split(',').some(isPlainNats)) {
    rules.push(`NATS_URL: plain NATS to another machine; use tls://, ${ALLOW_PRIVATE}.`)
  }
  for (const name of ['AUTH_URL', 'MEMORY_URL', 'AUDIT_URL', 'VAULT_ADDR', 'EMBEDDINGS_URL'] as const) {
    const url = values[name]
    if (url !== undefined && isPlainHttp(url)) {
      rules.push(`${name}: plain HTTP to another machine; use https://, ${ALLOW_PRIVATE}.`)
    }
  }
  return rules
}

function localKek({ KEK_PROVIDER, MEMORIC_ALLOW_LOCAL_KEK }: ProductionValues): string[] {
  if (KEK_PROVIDER !== 'local' || MEMORIC_ALLOW_LOCAL_KEK === true) return []
  return [
    'MEMORIC_ENCRYPTION_KEY: a key encryption key on this machine; set MEMORIC_ALLOW_LOCAL_KEK=true to accept it.',
  ]
}

/**
 * Without `requireTLS`, whoever sits in between can hide that the server offers STARTTLS. Mail servers are seldom on the network of the
 * apps: the URL itself has to say that this one is.
 */
function plainMail({ MAIL_SMTP_URL, MEMORIC_PRIVATE_NETWORK }: ProductionValues): string[] {
  if (MAIL_SMTP_URL === undefined) return []
  const { protocol, hostname, searchParams } = new URL(MAIL_SMTP_URL)
  const requireTls = searchParams.get('requireTLS')
  if (protocol === 'smtps:' || requireTls === 'true' || isThisMachine(hostname)) return []
  if (MEMORIC_PRIVATE_NETWORK && requireTls === 'false') return []
  return [
    'MAIL_SMTP_URL: plain SMTP to another machine; use smtps://, or add ?requireTLS=true, or set MEMORIC_PRIVATE_NETWORK=true and add ?requireTLS=false if nobody else reaches the network in between.',
  ]
}

function isThisMachine(host: string): boolean {
  const plain = host.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  if (isIP(plain) === 4) return plain.startsWith('127.')
  return plain === 'localhost' || plain === '::1'
}

/** Of `postgres://`: one host or several. Only these modes never fall back to plain. */
function isPlainPostgres(url: string): boolean {
  const [, authority = '', query = ''] = /^[a-z]+:\/\/(?:[^/?#]*@)?([^/?#]*)[^?#]*(?:\?([^#]*))?/i.exec(url) ?? []
  const parameters = new URLSearchParams(query)
  const mode = parameters.getAll('sslmode').at(-1) ?? parameters.getAll('ssl').at(-1)
  if (mode === 'require' || mode === 'verify-ca' || mode === 'verify-full') return false
  return !authority.split(',').every((host) => isThisMachine(hostOf(host)))
}

function isPlainNats(server: string): boolean {
  const address = server.trim().toLowerCase()
  return (
    !address.startsWith('tls://') && !isThisMachine(hostOf(address.replace(/^[a-z]+:\/\//, '').replace(/^.*@/, '')))
  )
}

function isPlainHttp(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol !== 'https:' && !isThisMachine(hostname)
}

/** The host of `host:port`; an IPv6 address stands in brackets. */
function hostOf(hostAndPort: string): string {
  return /^(\[[^\]]*\]|[^:/]*)/.exec(hostAndPort)?.[0] ?? ''
}
