import { readFileSync } from 'node:fs'
import { z } from 'zod'

/** A configuration that cannot be used; the message names each variable and what is wrong with it, never its value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the variables that `schema` names. Each may also be given as a file: NAME_FILE, whose last line break is dropped.
 * Throws ConfigError.
 */
export function loadConfig<S extends z.ZodObject>(schema: S, env: Environment): z.output<S> {
  const values = Object.fromEntries(
    Object.keys(schema.shape)
      .map((name) => [name, variable(name, env)] as const)
      .filter(([, value]) => value !== undefined),
  )
  const parsed = schema.safeParse(values)
  if (parsed.success) return parsed.data
  // The rest of the path could be part of a value: the keys of a JSON object.
  const problems = parsed.error.issues.map((issue) => `  ${String(issue.path[0])}: ${issue.message}`)
  throw new ConfigError(`The configuration cannot be used:\n${problems.join('\n')}`)
}

function variable(name: string, env: Environment): string | undefined {
  const file = env[`${name}_FILE`]
  if (file === undefined || file === '') return env[name] === '' ? undefined : env[name]
  if (env[name]) throw new ConfigError(`Set ${name} or ${name}_FILE, not both.`)
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (cause) {
    throw new ConfigError(`The file that ${name}_FILE names cannot be read.`, { cause })
  }
}

/** A whole number in the environment. */
export function integer(min: number, max: number) {
  return z
    .string()
    .regex(/^\d+$/, { error: 'must be a whole number' })
    .transform(Number)
    .pipe(z.int().min(min).max(max))
}

/** `true` or `false` in the environment. */
export const flag = z.enum(['true', 'false']).transform((value) => value === 'true')

/** A list separated by commas. */
export const list = z.string().transform((value) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
)

/** Base64 of 32 random bytes. */
export const key256 = z
  .string()
  .transform((value) => Buffer.from(value, 'base64'))
  .refine((value) => value.length === 32, { error: 'must be 32 bytes in base64' })
  .refine((value) => new Set(value).size > 8, { error: 'is not random' })

const keyHash = z.string().regex(/^[0-9a-f]{64}$/)

/** JSON object: name of a calling service -> SHA-256 of its service key in hex, or of each of its keys. */
export const serviceKeyHashes = z
  .string()
  .transform((value, context): unknown => {
    try {
      return JSON.parse(value)
    } catch {
      context.addIssue({ code: 'custom', message: 'must be a JSON object' })
      return z.NEVER
    }
  })
  .pipe(
    z.record(z.string().regex(/^[a-z]+$/), z.union([keyHash.transform((hash) => [hash]), z.array(keyHash).max(10)])),
  )

/** The file of service key hashes, for an app that follows its changes. */
export const serviceKeyHashesFile = z
  .string()
  .optional()
  .describe('file with SERVICE_KEY_HASHES, read again when it changes')

/** Variables that every app reads. */
export const serverConfig = {
  NODE_ENV: z
    .enum(['development', 'test', 'production'])
    .default('development')
    .describe('production turns on the checks for it'),
  HOST: z.string().default('127.0.0.1').describe('address to listen on'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('least severity that is logged'),
  METRICS_TOKEN: z
    .string()
    .min(16)
    .optional()
    .describe('bearer token for /metrics and the details of /ready; without it both are closed'),
}

/** Variables of every app that talks to NATS. */
export const messagingConfig = {
  NATS_URL: z.string().min(1).describe('address of NATS, nats://host:port, several separated by commas'),
  NATS_USER: z.string().min(1).describe('user of this app in NATS'),
  NATS_PASSWORD: z.string().min(1).describe('password of that user; NATS_PASSWORD_FILE for a file'),
}
