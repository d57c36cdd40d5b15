import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EVENT_TYPES } from '../src/event-types.ts'
import { confirmedSubject, deadLetterSubject, eventSubject, isSubjectOf } from '../src/subjects.ts'

const builders: [string, (token: string) => string][] = [
  ['an event, as its tenant', (token) => eventSubject(token, 'memory.created')],
  ['an event, as a part of its type', (token) => eventSubject('acme', `memory.${token}`)],
  ['a dead letter', deadLetterSubject],
  ['a confirmation', confirmedSubject],
]

describe('a NATS subject', () => {
  test('is made of tenant and type', () => {
    expect(eventSubject('acme', 'memory.created')).toBe('memoric.v1.acme.memory.created')
    expect(eventSubject('acme', 'auth.login.failed')).toBe('memoric.v1.acme.auth.login.failed')
    expect(deadLetterSubject('audit')).toBe('memoric.dead.audit')
    expect(confirmedSubject('memory')).toBe('memoric.internal.confirmed.memory')
  })

  test('is told from that of any other tenant or type', () => {
    const part = fc.constantFrom('acme', 'acm', 'e', 'memory.created', 'memory.create', 'd', '', '.', 'memoric')
    fc.assert(
      fc.property(part, part, part, part, (tenant, type, otherTenant, otherType) => {
        const subject = `memoric.v1.${otherTenant}.${otherType}`
        expect(isSubjectOf(subject, tenant, type)).toBe(subject === `memoric.v1.${tenant}.${type}`)
      }),
    )
    expect(isSubjectOf('memoric.v2.acme.memory.created', 'acme', 'memory.created')).toBe(false)
  })

  test('can be made for every event', () => {
    for (const type of Object.keys(EVENT_TYPES)) expect(() => eventSubject('a'.repeat(64), type)).not.toThrow()
  })

  test.each(builders)('of %s refuses all but 1 to 64 letters, digits, _ and -', (_what, build) => {
    const evil = [
      '*',
      '>',
      'a*',
      'a b',
      'a\r\nPUB x',
      'a\n',
      '\n',
      'a\0',
      '',
      'a'.repeat(65),
      'é',
      '$SYS',
      'a/b',
      ' a',
      '..',
    ]
    for (const token of evil) expect(() => build(token)).toThrow(RangeError)
    for (const token of ['a', 'A-z_9', '-', 'a'.repeat(64)]) expect(build(token).split('.')).toContain(token)
  })

  test('refuses a tenant with a dot, which would be two tokens', () => {
    expect(() => eventSubject('a.b', 'memory.created')).toThrow(RangeError)
    expect(() => deadLetterSubject('a.b')).toThrow(RangeError)
  })

  test('has the same number of tokens for every tenant that it accepts', () => {
    const token = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[\w.*> -]{0,70}$/))
    const law = fc.property(token, (tenant) => {
      let subject: string
      try {
        subject = eventSubject(tenant, 'memory.created')
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
        return
      }
      expect(subject.split('.')).toEqual(['memoric', 'v1', tenant, 'memory', 'created'])
      expect(subject).toMatch(/^[\w.-]+$/)
    })
    fc.assert(law, { numRuns: 500 })
  })
})
