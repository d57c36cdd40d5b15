import { ROUTES } from '@memoric/contracts/route-table.ts'
import type { Route } from '@memoric/contracts/route.ts'
import { type Attack, judged, type Outcome } from '../attack.ts'
import type { Party, Target } from '../target.ts'

// infra/e2e/test/isolation.test.ts compares each of these with an id of nothing, in every detail.

/** Ids of the victim's that fit into the path of a route. */
const idsOf = ({ memoryId, apiKeyId, userId, sessionId, tenantId }: Party): readonly string[] => [
  memoryId,
  apiKeyId,
  userId,
  sessionId,
  tenantId,
]

/** What they name are words of each tenant's own or of everyone: an answer may be about what the attacker has. */
const NAMED = ['/v1/privacy/subjects/', '/v1/audit/detections/']

const withId = Object.entries<Route>(ROUTES).filter(([, { params, app }]) => params !== undefined && app !== 'gateway')

/** Puts each id of the victim into the path, with a key and with a session of the attacker. */
async function probe({ gateway, attacker, victim }: Target, route: Route): Promise<Outcome> {
  const credentials = [{ 'x-api-key': attacker.apiKey }, { authorization: `Bearer ${attacker.accessToken}` }]
  const sent = credentials.flatMap((headers) =>
    idsOf(victim).map((id) => {
      const path = route.path.replace(/:\w+/, id)
      return gateway.send({ method: route.method, path, headers, ...(route.body !== undefined && { body: {} }) })
    }),
  )
  const answers = await Promise.all(sent)
  const isNamed = NAMED.some((path) => route.path.startsWith(path))
  // What the attacker named may come back.
  const secrets = isNamed ? [victim.email] : [victim.email, victim.tenantId]
  const told = answers.some(({ text }) => secrets.some((secret) => text.includes(secret)))
  return judged(answers, !told && (isNamed || answers.every(({ status }) => status >= 400)))
}

export const FOREIGN_ID_ATTACKS: readonly Attack[] = withId.map(([operation, route]) => ({
  kind: 'ids of another tenant',
  name: operation,
  run: (target) => probe(target, route),
}))
