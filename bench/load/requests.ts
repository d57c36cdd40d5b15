import type { BenchRequest } from './closed-loop.ts'

const json = { 'content-type': 'application/json' }

export function get(path: string, headers: Readonly<Record<string, string>> = {}): BenchRequest {
  return { method: 'GET', path, headers }
}

export function post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): BenchRequest {
  return { method: 'POST', path, headers: { ...json, ...headers }, body: JSON.stringify(body) }
}
