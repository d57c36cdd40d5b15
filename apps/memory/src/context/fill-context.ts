import type { Memory } from '@memoric/contracts/memory-contract.ts'
import type { OpenedMemory } from '../search/open-best.ts'
import type { TokenCounter } from '../tokens/count-tokens.ts'
import { shorten } from '../wake-up/shorten.ts'
import { type ContextMeasure, createMeasure } from './measure-context.ts'
import { type PartName, type Shaping, type Told } from './context-shape.ts'
import { comparable, type Comparable, isPart } from './repeats.ts'

/** What was found of one part, best first. */
export interface FoundPart {
  readonly part: PartName
  readonly found: readonly OpenedMemory[]
}

export interface ChosenMemory extends Told {
  readonly found: OpenedMemory
  readonly tokens: number
  readonly compared: Comparable
  readonly isShortened: boolean
}

/** Why a memory is not told. */
export interface LeftOut {
  readonly memory: Memory
  readonly reason: 'budget' | 'same' | 'contained'
  readonly becauseOf: string | null
}

export interface FilledContext {
  /** What is worth most first. */
  readonly chosen: readonly ChosenMemory[]
  readonly leftOut: readonly LeftOut[]
  readonly measure: ContextMeasure
}

/** How much of the room the thread may take while there is related history. */
const THREAD_SHARE = 2 / 3

/** A beginning of fewer characters is not worth its label. */
const LEAST_SHOWN = 80

/** How often a beginning is shortened until it fits. */
const SHORTENINGS = 6

/**
 * Chooses what is told within so many tokens, best first: what says nothing new is left out, and of what is too long for the room that is
 * left the beginning is told.
 */
export function fillContext(
  counter: TokenCounter,
  parts: readonly FoundPart[],
  shaping: Shaping,
  maxTokens: number,
): FilledContext {
  const measure = createMeasure(counter, shaping, maxTokens)
  const chosen: ChosenMemory[] = []
  const leftOut = new Map<OpenedMemory, LeftOut>()
  let room = maxTokens - measure.base(parts.flatMap(({ found }) => found.map(({ memory }) => memory)))
  const [first, ...others] = parts.filter(({ found }) => found.length > 0)
  if (first !== undefined) {
    const kept = others.length > 0 ? Math.floor(room * (1 - THREAD_SHARE)) : 0
    takeAll(first, kept)
    for (const part of others) takeAll(part, 0)
    if (kept > 0) takeAll(first, 0)
  }
  return { ...measured(), measure }

  function takeAll({ part, found }: FoundPart, kept: number): void {
    for (const [nth, each] of found.entries()) {
      if (chosen.some((one) => one.found === each)) continue
      if (leftOut.get(each)?.reason !== 'budget' && leftOut.has(each)) continue
      take(each, part, room - kept, nth === found.length - 1)
    }
  }

  function take(found: OpenedMemory, part: PartName, limit: number, isLast: boolean): void {
    const { memory } = found
    const compared = comparable(memory.content)
    const own = chosen.filter(({ memory: other }) => other.subject_id === memory.subject_id)
    const saying = own.find((one) => one.compared.text === compared.text || isPart(compared, comparable(one.shown)))
    if (saying !== undefined) {
      const reason = saying.compared.text === compared.text ? 'same' : 'contained'
      leftOut.set(found, { memory, reason, becauseOf: saying.memory.id })
      return
    }
    const covered = own.filter((one) => isPart(one.compared, compared))
    const freed = covered.reduce((sum, { tokens }) => sum + tokens, 0)
    const fitting = fit(found, part, compared, limit + freed, isLast || covered.length > 0)
    if (fitting === undefined || (fitting.isShortened && covered.length > 0)) {
      leftOut.set(found, { memory, reason: 'budget', becauseOf: null })
      return
    }
    for (const one of covered) {
      chosen.splice(chosen.indexOf(one), 1)
      leftOut.set(one.found, { memory: one.memory, reason: 'contained', becauseOf: memory.id })
    }
    chosen.push(fitting)
    leftOut.delete(found)
    room += freed - fitting.tokens
  }

  /** All of a memory, or else its beginning: others have a share of the room, too, unless it is the last. */
  function fit(
    found: OpenedMemory,
    part: PartName,
    compared: Comparable,
    limit: number,
    isLast: boolean,
  ): ChosenMemory | undefined {
    const { memory } = found
    const whole = { found, memory, part, compared, shown: memory.content, isShortened: false }
    const tokens = measure.within(whole, limit)
    if (tokens !== null) return { ...whole, tokens }
    const share = isLast ? limit : Math.floor(limit / 2)
    for (let length = 4 * share, tries = 0; tries < SHORTENINGS && length >= LEAST_SHOWN; tries++) {
      const shown = shorten(memory.content, Math.min(Math.floor(length), memory.content.length - 1))
      const beginning = { ...whole, shown, isShortened: true }
      const taken = shown.length < LEAST_SHOWN ? null : measure.within(beginning, share)
      if (taken !== null) return { ...beginning, tokens: taken }
      length = Math.min(length, memory.content.length) * 0.6
    }
    return undefined
  }

  /** Counted as a whole, which memories that were counted one by one cannot promise: what is worth least goes while it is too long. */
  function measured() {
    while (chosen.length > 0 && !measure.fits(chosen)) {
      const last = chosen.pop()
      if (last !== undefined) leftOut.set(last.found, { memory: last.memory, reason: 'budget', becauseOf: null })
    }
    return { chosen, leftOut: [...leftOut.values()] }
  }
}
