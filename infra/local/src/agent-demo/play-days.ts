import type { Agent, Office } from './office.ts'
import { playSession, wakeUp } from './play-session.ts'
import { DAYS, FALSE_MEMORY } from './story.ts'
import { numbersOf, type Say, tellDay } from './tell.ts'

const HOUR = 3_600_000

/** Three days of two agents and two people, the last of which is today. */
export async function playDays(say: Say, office: Office, now = new Date()): Promise<void> {
  for (const [nth, { name, sessions }] of DAYS.entries()) {
    tellDay(say, name)
    const morning = now.getTime() - (DAYS.length - nth) * 24 * HOUR - (now.getTime() % (24 * HOUR)) + 9 * HOUR
    for (const [at, session] of sessions.entries()) {
      await playSession(say, office, session, new Date(morning + at * HOUR))
    }
    await [planOfFirstDay, newsOfSecondDay][nth]?.(say, office)
  }
  tellDay(say, 'The third day')
  await wakeUp(say, office.otto, 'Ben')
  await consolidate(say, office)
  await retract(say, office)
  await carryOutPolicy(say, office)
  for (const agent of [office.iris, office.otto]) {
    for (const person of ['Ana', 'Ben']) await wakeUp(say, agent, person)
  }
}

async function planOfFirstDay(say: Say, { iris }: Office): Promise<void> {
  await iris.call('createDecision', {
    body: {
      subject_id: iris.name,
      decision: 'Billing moves on the 3rd.',
      rationale: ['Few people pay on that day.'],
      alternatives: ['The weekend before, when nobody could help.'],
    },
  })
  say('\niris writes down a decision: billing moves on the 3rd.')
}

/** Otto heard of another date; iris learns it through a capsule, the only way from one agent's memories to another's. */
async function newsOfSecondDay(say: Say, { iris, otto }: Office): Promise<void> {
  const news = await findMemory(otto, 'Billing moves on the 4th now')
  const { id } = await otto.call('createCapsule', {
    body: { name: 'New date', memory_ids: [news.id], audience: [iris.principal], expires_in_days: 2 },
  })
  const { items } = await iris.call('openCapsule', { params: { id } })
  say(`\notto shares a capsule with iris, who reads: ${items.map(({ content }) => content).join(' ')}`)
  const { items: decisions } = await iris.call('listDecisions', { query: { subject_id: iris.name } })
  await iris.call('supersedeDecision', {
    params: { id: decisions[0]?.id ?? '' },
    body: {
      subject_id: iris.name,
      decision: 'Billing moves on the 4th.',
      rationale: ['The release comes first.'],
    },
  })
  say('iris decides anew: billing moves on the 4th. The decision of the first day is superseded.')
  await otto.call('createTask', {
    body: { subject_id: otto.name, title: 'Write the rollback steps down for Ana', with_whom: 'Ana', priority: 0.9 },
  })
  say('otto has a task now: the rollback steps for Ana.')
}

async function consolidate(say: Say, { call, iris, otto }: Office): Promise<void> {
  for (const { name } of [iris, otto]) {
    const { report } = await call('consolidate', { body: { period: 'daily', subject_id: name } })
    say(`\nThe days of ${name} are consolidated: ${numbersOf(report)}.`)
  }
}

/** Otto proposes to retract what was false; the owner of the tenant approves. */
async function retract(say: Say, { call, otto }: Office): Promise<void> {
  const { id } = await findMemory(otto, FALSE_MEMORY)
  const body = { memory_id: id, operation: 'retract', reason: 'It has backups; Ben had the old one in mind.' }
  const edit = await otto.call('proposeEdit', { body })
  await call('approveEdit', { params: { id: edit.id } })
  say(`\notto proposes to retract "${FALSE_MEMORY}", and the owner approves.`)
}

async function carryOutPolicy(say: Say, { call }: Office): Promise<void> {
  const policy = {
    tiers: [
      { name: 'short_term', expiry_days: 1 },
      { name: 'mid_term', summarise: { min_memories: 3 } },
      { name: 'long_term' },
    ],
  }
  await call('putPolicy', { body: { policy } })
  const { report } = await call('runPolicies')
  const moves = report.moved.map(({ from, to, memories }) => `${memories} from ${from} to ${to}`)
  say(`\nThe policy is carried out: ${moves.join(', ')}; ${numbersOf(report)}.`)
}

async function findMemory(agent: Agent, words: string) {
  const body = { subject_id: agent.name, query: words, top_k: 1 }
  const { results } = await agent.call('searchMemories', { body })
  const memory = results[0]?.memory
  if (memory === undefined) throw new Error(`${agent.name} does not remember "${words}"`)
  return memory
}
