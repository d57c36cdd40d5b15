import { openOffice } from '@memoric/local/agent-demo/office.ts'
import { playDays } from '@memoric/local/agent-demo/play-days.ts'
import { WAKE_UP_TOKENS } from '@memoric/local/agent-demo/play-session.ts'
import { CONFIDENCE, FALSE_MEMORY, PLANTED } from '@memoric/local/agent-demo/story.ts'
import { beforeAll, expect, test } from 'vitest'
import { useStack } from '../src/use-stack.ts'

const stack = useStack()

/** What each wake-up said, by agent and person in the order of the days. */
const told: { who: string; text: string; tokens: number }[] = []
const lines: string[] = []

beforeAll(async () => {
  await playDays((line) => lines.push(line), await openOffice(stack.settings.urls.gateway))
  for (const [at, line] of lines.entries()) {
    const woken = /^\n(\w+ wakes up for \w+) and knows(?: nothing|, in (\d+) of)/.exec(line)
    if (woken?.[1] === undefined) continue
    const text = woken[2] === undefined ? '' : (lines[at + 1] ?? '')
    told.push({ who: woken[1], text, tokens: Number(woken[2] ?? 0) })
  }
})

const saidTo = (who: string) => told.filter((woken) => woken.who === who).map(({ text }) => text)

test('each wake-up stays within its tokens, and the first of each agent is empty', () => {
  expect(told.map(({ who }) => who)).toEqual([
    'iris wakes up for Ana',
    'otto wakes up for Ben',
    'iris wakes up for Ben',
    'otto wakes up for Ana',
    'otto wakes up for Ben',
    'iris wakes up for Ana',
    'iris wakes up for Ben',
    'otto wakes up for Ana',
    'otto wakes up for Ben',
  ])
  expect(told.every(({ tokens }) => tokens <= WAKE_UP_TOKENS)).toBe(true)
  expect(told.slice(0, 2).map(({ text }) => text)).toEqual(['', ''])
})

test('an agent knows on the last day what it was told to remember, and what was decided last', () => {
  const [, iris] = saidTo('iris wakes up for Ana')
  expect(iris).toContain('Ana expects a report of five lines tomorrow.')
  expect(iris).toContain('Billing moves on the 4th.')
  expect(iris).not.toContain('Few people pay on that day.')
  expect(saidTo('otto wakes up for Ana')[1]).toContain('Write the rollback steps down for Ana')
})

test('what was told in confidence is known with the one who told it, and with nobody else', () => {
  expect(saidTo('iris wakes up for Ben')[1]).toContain(CONFIDENCE)
  const others = told.filter(({ who }) => who !== 'iris wakes up for Ben')
  expect(others.some(({ text }) => text.includes(CONFIDENCE))).toBe(false)
})

test('what was retracted is known before, and no more afterwards', () => {
  expect(saidTo('otto wakes up for Ben').map((text) => text.includes(FALSE_MEMORY))).toEqual([false, true, false])
})

test('what a page demands is told to nobody, or as data', () => {
  const demands = told.flatMap(({ text }) => text.split('\n').filter((line) => line.includes(PLANTED)))
  for (const line of demands) expect(line).toMatch(/^ {2}\| (?:\[\d+\] )?> /)
})

test('the days are consolidated, and the policy moves and summarises', () => {
  expect(lines.filter((line) => /are consolidated: .*reflections [1-9]/.test(line))).toHaveLength(2)
  const policy = lines.find((line) => line.includes('The policy is carried out'))
  expect(policy).toMatch(/[1-9]\d* from short_term to mid_term/)
  expect(policy).toMatch(/summaries [1-9]/)
})
