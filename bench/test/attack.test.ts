import { describe, expect, test } from 'vitest'
import { type Attack, judged, refused, refusedWith } from '../attack/attack.ts'
import { ATTACKS } from '../attack/cases/attacks.ts'
import type { Answer } from '../attack/http-client.ts'
import { parseOptions } from '../attack/options.ts'
import { attackTable } from '../attack/report.ts'

function answer(status: number, code: string | null = null): Answer {
  return { status, code, headers: {}, text: '' }
}

describe('an attack has got through', () => {
  test.each<[string, readonly Answer[]]>([
    ['when it is answered well', [answer(200)]],
    ['when one of its answers is good', [answer(401, 'invalid_token'), answer(201)]],
    ['when the failure is ours', [answer(500, 'internal_error')]],
    ['when the refusal is no problem of ours', [answer(404)]],
    ['when nothing is answered', []],
  ])('%s', (_what, answers) => {
    expect(refused(...answers).held).toBe(false)
  })

  test('when it is refused for another reason than the right one', () => {
    expect(refusedWith(['invalid_token'], answer(404, 'route_not_found')).held).toBe(false)
    expect(refusedWith(['invalid_token'], answer(401, 'invalid_token')).held).toBe(true)
  })

  test('when a failure of ours comes with what looks right', () => {
    expect(judged([answer(200), answer(503, 'service_unavailable')], true).held).toBe(false)
  })
})

test('every attack has a name of its own within its class', () => {
  const names = ATTACKS.map(({ kind, name }: Attack) => `${kind}: ${name}`)
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
})

test('the table shows what was sent without sending it to the terminal', () => {
  const results = [
    { kind: 'a class', name: 'a \x1b[31m name', answer: '401 invalid_token', held: true },
    { kind: 'a class', name: 'another', answer: '200', held: false },
  ]
  const table = attackTable(results)
  expect(table).toContain('a \\x1b[31m name  401 invalid_token  held')
  expect(table).toContain('GOT THROUGH')
  expect(table.split('\n').at(-1)).toBe('2 attacks of 1 classes: 1 got through.')
})

test('the command line says which attacks run', () => {
  expect(parseOptions(['--fast', '--only', 'token, smuggling'])).toEqual({ fast: true, only: ['token', 'smuggling'] })
  expect(() => parseOptions(['--faster'])).toThrow('Usage: npm run attack')
})
