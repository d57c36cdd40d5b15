import { connect, type NatsConnection, PermissionViolationError } from '@nats-io/transport-node'
import { describe, expect, test } from 'vitest'
import { useNats } from '../src/use-nats.ts'
import { permissionTable } from './permission-table.ts'

const nats = useNats()

/** The server reports a refused publish on the connection only; the answer to a flush comes after that report. */
async function isPublishRefused(connection: NatsConnection, subject: string): Promise<boolean> {
  const refused: string[] = []
  const statuses = connection.status()
  const reading = (async () => {
    for await (const status of statuses) {
      if (status.type === 'error' && status.error instanceof PermissionViolationError)
        refused.push(status.error.subject)
    }
  })()
  connection.publish(subject, 'x')
  await connection.flush()
  ;(statuses as unknown as { stop(): void }).stop()
  await reading
  return refused.includes(subject)
}

async function isSubscribeRefused(connection: NatsConnection, subject: string): Promise<boolean> {
  let refused = false
  connection.subscribe(subject, {
    callback: (error) => {
      refused ||= error instanceof PermissionViolationError
    },
  })
  await connection.flush()
  return refused
}

describe.each(permissionTable)('NATS user $user', ({ user, publish, subscribe }) => {
  const rows = [
    ...publish.allowed.map((subject) => ({
      may: 'may',
      verb: 'publish',
      subject,
      check: isPublishRefused,
      refused: false,
    })),
    ...publish.refused.map((subject) => ({
      may: 'may not',
      verb: 'publish',
      subject,
      check: isPublishRefused,
      refused: true,
    })),
    ...subscribe.allowed.map((subject) => ({
      may: 'may',
      verb: 'subscribe to',
      subject,
      check: isSubscribeRefused,
      refused: false,
    })),
    ...subscribe.refused.map((subject) => ({
      may: 'may not',
      verb: 'subscribe to',
      subject,
      check: isSubscribeRefused,
      refused: true,
    })),
  ]
  test.each(rows)('$may $verb $subject', async ({ subject, check, refused }) => {
    const connection = await connect(nats.login(user))
    try {
      expect(await check(connection, subject)).toBe(refused)
    } finally {
      await connection.close()
    }
  })
})

test("nobody gets in without a password, or with another user's", async () => {
  await expect(connect({ servers: nats.url, reconnect: false })).rejects.toThrow()
  const swapped = { ...nats.login('auth'), pass: nats.password('memory'), reconnect: false }
  await expect(connect(swapped)).rejects.toThrow()
})
