import { systemFlight, systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { rotateSigningKeys } from '../signing-keys/rotate-signing-keys.ts'
import { selectSigningKeys } from '../signing-keys/signing-key-repository.ts'
import type { Command, Report } from './command.ts'
import type { Operator } from './open-operator.ts'
import { table } from './table.ts'

/** Commands about the keys that sign access tokens. */
export const signingKeyCommands: readonly Command[] = [
  {
    words: 'signing-keys list',
    parameters: [],
    options: [],
    summary: 'the keys that are published, and since when each is what it is',
    run: list,
  },
  {
    words: 'signing-keys rotate',
    parameters: [],
    options: ['revoke'],
    summary: 'sign with the next key; --revoke removes every old one at once, and with it all access tokens',
    run: (operator, _parameters, { revoke = false }) => rotate(operator, revoke),
  },
]

async function list({ sql }: Operator): Promise<Report> {
  const [rows] = await systemFlight(sql, (tx) => [selectSigningKeys(tx)])
  const keys = rows.map(({ kid, state, created_at, state_since }) => ({
    kid,
    state,
    created_at: created_at.toISOString(),
    state_since: state_since.toISOString(),
  }))
  const cells = keys.map(({ kid, state, created_at, state_since }) => [kid, state, state_since, created_at])
  return { value: keys, lines: table(['kid', 'state', 'since', 'created'], cells) }
}

async function rotate(operator: Operator, revoke: boolean): Promise<Report> {
  const { sql, keys, events, context } = operator
  const deps = { credentials: keys.credentials, events }
  const rotation = await systemTransaction(sql, (tx) =>
    rotateSigningKeys(tx, deps, { revoke, reason: 'requested' }, context),
  )
  const { current, standby, previous, removed } = rotation
  await operator.announceSigningKeys([current, standby, ...(previous === null ? [] : [previous])])
  const fate = revoke
    ? `Access tokens of ${removed.join(', ')} are refused from now on.`
    : `Access tokens of ${previous ?? 'no other key'} are good until they expire.`
  return {
    value: { ...rotation, removed: [...removed] },
    lines: [`Access tokens are signed with ${current} now; ${standby} stands by.`, fate],
  }
}
