import { isErrorCode, problem, type Problem } from '@memoric/contracts/error-codes.ts'
import type { LightMyRequestResponse } from 'fastify'
import { expect } from 'vitest'

/** The problem of an answer that must be one, well-formed and with the id of its request. */
export function problemOf(answer: LightMyRequestResponse): Problem {
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
  const body = problem.strict().parse(answer.json())
  expect(body.status).toBe(answer.statusCode)
  expect(isErrorCode(body.code)).toBe(true)
  expect(body.request_id).toMatch(/^[0-9a-f-]{36}$/)
  return body
}
