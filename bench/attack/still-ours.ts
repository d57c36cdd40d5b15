import { CANARY, type Target } from './target.ts'

/** What is no longer as it should be after an attack; null when all is well. */
export async function whatIsLost({ gateway, attacker, victim }: Target): Promise<string | null> {
  const me = await gateway.send({ path: '/v1/auth/me', headers: { 'x-api-key': attacker.apiKey } })
  if (me.status !== 200) return `the attacker itself is answered ${me.status}`
  if (!me.text.includes(attacker.tenantId) || me.text.includes(victim.tenantId)) return 'callers are mixed up'
  const path = `/v1/memories/${victim.memoryId}`
  const memory = await gateway.send({ path, headers: { 'x-api-key': victim.apiKey } })
  if (memory.status !== 200) return `the victim's memory is answered ${memory.status}`
  const { content, version } = JSON.parse(memory.text) as { content: string; version: number }
  return content === CANARY && version === 1 ? null : "the victim's memory was changed"
}
