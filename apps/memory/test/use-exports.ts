import type { Caller } from '@memoric/contracts/caller.ts'
import type { MemoryExport } from '@memoric/contracts/export-contract.ts'
import { callerHeaders } from '@memoric/testkit/sign-caller.ts'
import { expect } from 'vitest'
import { gatewayKey } from './memory-settings.ts'
import { call, type TestProcess } from './use-memory.ts'

const PATH = '/v1/privacy/exports'

export async function startExport(process: TestProcess, caller: Caller, body: object = {}): Promise<string> {
  const answer = await call<MemoryExport>(process.app, caller, 'POST', PATH, body)
  expect(answer.status).toBe(202)
  return answer.body.id
}

export async function readExport(process: TestProcess, caller: Caller, id: string): Promise<MemoryExport> {
  return (await call<MemoryExport>(process.app, caller, 'GET', `${PATH}/${id}`)).body
}

export async function madeExport(process: TestProcess, caller: Caller, body: object = {}): Promise<MemoryExport> {
  const id = await startExport(process, caller, body)
  const state = async () => (await readExport(process, caller, id)).state
  await expect.poll(state, { timeout: 30_000 }).toBe('made')
  return readExport(process, caller, id)
}

/** The answer to a download as bytes. */
export function download(process: TestProcess, caller: Caller, id: string) {
  const headers = callerHeaders(gatewayKey, 'memory', caller)
  return process.app.inject({ url: `${PATH}/${id}/download`, headers })
}

export type ParsedLine = Readonly<Record<string, unknown>> & { readonly type: string }

export function linesOf(text: string): ParsedLine[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ParsedLine)
}

/** Lines between header and trailer. */
export async function exportedLines(process: TestProcess, caller: Caller, body: object = {}): Promise<ParsedLine[]> {
  const { id } = await madeExport(process, caller, body)
  return linesOf((await download(process, caller, id)).body).slice(1, -1)
}
