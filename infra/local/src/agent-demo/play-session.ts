import type { WakeUpAnswer } from '@memoric/contracts/wake-up-contract.ts'
import type { Agent, Office } from './office.ts'
import type { Session } from './story.ts'
import { type Say, tellWakeUp } from './tell.ts'

/** Most tokens of what an agent is told when it wakes up. */
export const WAKE_UP_TOKENS = 500

const MINUTE = 60_000

/** Lets an agent wake up for a person, and tells what it knows then. */
export async function wakeUp(say: Say, agent: Agent, person: string): Promise<WakeUpAnswer> {
  const body = { subject_id: agent.name, with_whom: person, max_tokens: WAKE_UP_TOKENS }
  const woken = await agent.call('wakeUp', { body })
  tellWakeUp(say, agent.name, woken)
  return woken
}

/** A sitting from wake-up to handoff, which took place at `begin`. */
export async function playSession(say: Say, office: Office, session: Session, begin: Date): Promise<void> {
  const { agent: name, person, says, handoff } = session
  const agent = office[name]
  await wakeUp(say, agent, person)
  const sitting = `${begin.toISOString().slice(0, 10)}-${person.toLowerCase()}`
  const items = says.map((said, nth) => ({
    ...said,
    subject_id: name,
    thread_id: sitting,
    occurred_at: new Date(begin.getTime() + nth * MINUTE),
  }))
  await agent.call('createMemories', { body: { items } })
  const end = new Date(begin.getTime() + says.length * MINUTE)
  const body = { subject_id: name, session_id: sitting, with_whom: person, occurred_at: end, ...handoff }
  await agent.call('createHandoff', { body })
  say(`They work: ${says.length} things are remembered, and ${name} hands over.`)
}
