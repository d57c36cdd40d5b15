import type { Problem } from '@memoric/contracts/error-codes.ts'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { onTestFinished } from 'vitest'
import { createServer, type ServerOptions } from '../src/create-server.ts'
import { captureLog } from './captured-log.ts'

/** A server that is closed when the test ends. */
export async function testServer(options: Partial<ServerOptions> = {}): Promise<FastifyInstance> {
  const app = await createServer({ log: captureLog().log, ...options })
  onTestFinished(() => app.close())
  return app
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly problem: Problem
}

/** Sends a request that must be answered with a problem. */
export async function problemFrom(app: FastifyInstance, request: InjectOptions): Promise<Answer> {
  const answer = await app.inject(request)
  if (answer.headers['content-type'] !== 'application/problem+json; charset=utf-8') {
    throw new Error(`not a problem: ${answer.statusCode} ${answer.body}`)
  }
  return { status: answer.statusCode, headers: answer.headers, problem: answer.json() }
}
