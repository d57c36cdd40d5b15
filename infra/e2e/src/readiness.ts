import { METRICS_TOKEN } from './stack-settings.ts'

/** What an app says of itself to its operator. */
export interface Readiness {
  readonly code: number
  readonly status: string
  readonly checks: Readonly<Record<string, 'ok' | 'failed'>>
}

/** Asks GET /ready of the app at `url`. */
export async function readiness(url: string): Promise<Readiness> {
  const answer = await fetch(`${url}/ready`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } })
  return { code: answer.status, ...((await answer.json()) as Omit<Readiness, 'code'>) }
}
