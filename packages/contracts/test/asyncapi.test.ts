import { describe, expect, test } from 'vitest'
import { asyncApiDocument } from '../src/asyncapi.ts'
import { EVENT_TYPES } from '../src/event-types.ts'
import { eventSubject } from '../src/subjects.ts'

interface Document {
  readonly asyncapi: string
  readonly info: { readonly title: string; readonly version: string }
  readonly channels: Readonly<Record<string, { address: string; parameters: object; messages: object }>>
  readonly operations: Readonly<Record<string, { action: string; channel: { $ref: string } }>>
  readonly components: { readonly messages: Readonly<Record<string, object>>; readonly schemas: object }
}

const raw = asyncApiDocument('1.2.3')
const document = raw as unknown as Document
const types = Object.keys(EVENT_TYPES)

function references(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([key, value]) =>
    key === '$ref' && typeof value === 'string' ? [value] : references(value),
  )
}

/** What a reference `#/a/b` points to, or undefined. */
function resolve(reference: string): unknown {
  return reference
    .slice(2)
    .split('/')
    .reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], raw)
}

describe('the AsyncAPI document', () => {
  test('is AsyncAPI 3 with title and version', () => {
    expect(document).toMatchObject({ asyncapi: '3.0.0', info: { title: 'Memoric events', version: '1.2.3' } })
  })

  test('has a channel, a message and an operation for each type of event', () => {
    expect(Object.keys(document.channels)).toEqual(types)
    expect(Object.keys(document.components.messages)).toEqual(types)
    expect(Object.keys(document.operations)).toHaveLength(types.length)
    expect(Object.values(document.operations).map(({ action }) => action)).toEqual(types.map(() => 'send'))
  })

  test('gives the subjects that events are published on', () => {
    for (const type of types) {
      expect(document.channels[type]?.address.replace('{tenant}', 'acme')).toBe(eventSubject('acme', type))
      expect(document.channels[type]?.parameters).toHaveProperty('tenant')
    }
  })

  test('has no reference that points nowhere', () => {
    const dangling = references(raw).filter((reference) => resolve(reference) === undefined)
    expect(dangling).toEqual([])
    expect(references(raw).length).toBeGreaterThan(types.length)
  })
})
