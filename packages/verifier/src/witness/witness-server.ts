import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Witness, WitnessAnswer } from './witness.ts'

/** Far above any checkpoint with its proof, bytes. */
const MAX_BODY = 65_536

/** Serves POST /add-checkpoint. */
export function createWitnessServer(witness: Witness): Server {
  return createServer({ requestTimeout: 10_000 }, (request, response) => {
    serve(witness, request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500)
      response.end()
    })
  })
}

async function serve(witness: Witness, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answer = await answerTo(witness, request)
  if (typeof answer === 'number') response.writeHead(answer).end()
  else response.writeHead(answer.status, { 'content-type': answer.contentType }).end(answer.body)
}

/** A status alone where the witness was not asked. */
async function answerTo(witness: Witness, request: IncomingMessage): Promise<WitnessAnswer | number> {
  if (request.url !== '/add-checkpoint') return 404
  if (request.method !== 'POST') return 405
  const body = await readBody(request)
  return body === undefined ? 413 : witness.addCheckpoint(body)
}

/** Undefined for one that is too large. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length
    if (size > MAX_BODY) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}
