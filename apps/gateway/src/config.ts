import { integer, list, messagingConfig, serverConfig, flag } from '@memoric/service/config.ts'
import { networkConfig } from '@memoric/service/production-rules.ts'
import { z } from 'zod'

const url = z.url({ protocol: /^https?$/ })

const serviceKeyFile = z.string().optional().describe('file with that service key, read again when it changes')

/** Environment of the gateway. */
export const gatewayConfig = z.object({
  ...serverConfig,
  ...networkConfig,
  PORT: integer(0, 65_535).default(3456).describe('port to listen on; 0 takes a free one'),
  AUTH_URL: url.describe('address of the auth service'),
  MEMORY_URL: url.describe('address of the memory service'),
  AUDIT_URL: url.describe('address of the audit service'),
  AUTH_SERVICE_KEY: z.string().min(1).describe('service key of the gateway at the auth service'),
  MEMORY_SERVICE_KEY: z.string().min(1).describe('service key of the gateway at the memory service'),
  AUDIT_SERVICE_KEY: z.string().min(1).describe('service key of the gateway at the audit service'),
  AUTH_SERVICE_KEY_FILE: serviceKeyFile,
  MEMORY_SERVICE_KEY_FILE: serviceKeyFile,
  AUDIT_SERVICE_KEY_FILE: serviceKeyFile,
  ...messagingConfig,
  TRUSTED_PROXIES: list
    .optional()
    .describe('addresses or networks (CIDR) of proxies whose X-Forwarded-For is believed, separated by commas'),
  PUBLIC_URL: url
    .default('http://127.0.0.1:3456')
    .describe('address of the gateway as clients know it, for what it tells OAuth clients'),
  PUBLIC_HTTPS: flag
    .default(false)
    .describe('true when clients reach the gateway over HTTPS: sends Strict-Transport-Security'),
  CORS_ORIGINS: list
    .default([])
    .describe('origins of web pages that may call the API, separated by commas; none when left out'),
  RATE_LIMIT_ANONYMOUS_MAX: integer(1, 1_000_000)
    .default(100)
    .describe('requests a minute of one address without a valid credential'),
  RATE_LIMIT_AUTH_MAX: integer(1, 1_000_000)
    .default(10)
    .describe('attempts to sign in or register in 15 minutes of one address'),
  RATE_LIMIT_MAX: integer(1, 10_000_000).default(1000).describe('requests a minute of one user or key'),
  RATE_LIMIT_WRITE_MAX: integer(1, 10_000_000).default(600).describe('writes a minute of one user or key'),
  RATE_LIMIT_TENANT_MAX: integer(1, 1_000_000_000)
    .default(100_000)
    .describe('requests a minute of all users and keys of a tenant together; a tenant may choose less'),
  EVENT_STREAMS_HEARTBEAT_SECONDS: integer(1, 300)
    .default(15)
    .describe('time between two comments that keep a stream of events open'),
  EVENT_STREAMS_MAX: integer(1, 100_000).default(1000).describe('streams of events that this gateway serves at once'),
  EVENT_STREAMS_TENANT_MAX: integer(1, 100_000).default(100).describe('of them, those of one tenant'),
  EVENT_STREAMS_CREDENTIAL_MAX: integer(1, 100_000).default(10).describe('of them, those of one session or key'),
  GRANT_CACHE_SECONDS: integer(1, 30)
    .default(30)
    .describe(
      'seconds that a credential is believed without asking auth again; how late a revocation is while NATS is away',
    ),
  REDIS_URL: z
    .string()
    .optional()
    .describe('Redis in which several gateways count together; each counts for itself when left out'),
})
export type GatewayConfig = z.output<typeof gatewayConfig>
