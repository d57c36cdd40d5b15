import type { Route } from '@memoric/contracts/route.ts'
import type { AnsweredProblem } from '@memoric/service/create-server.ts'
import type { CounterSource } from '@memoric/service/metrics-plugin.ts'
import type { Logger } from '@memoric/service/logger.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { UpstreamAnswer } from '../forwarding/upstream.ts'
import { refusalOfAnswer, refusalOfProblem } from './refusal-of.ts'
import type { RefusalReporter } from './refusal-reporter.ts'
import type { Refusal } from './refusal-tally.ts'

/** Where the gateway hands in what it answered. Nothing here can make a request fail. */
export interface TellRefusals {
  /** A problem of the gateway's own. */
  problem(problem: AnsweredProblem): void
  /** The answer of a service. */
  answer(route: Route, request: FastifyRequest, reply: FastifyReply, answer: UpstreamAnswer): void
}

/** Finds what was refused among what was answered, and tells it. */
export function createTellRefusals(reporter: Pick<RefusalReporter, 'tell'>, log: Logger): TellRefusals {
  const tell = (find: () => Refusal | null): void => {
    try {
      const refusal = find()
      if (refusal !== null) reporter.tell(refusal)
    } catch (error) {
      log.error({ err: error }, 'a refusal could not be told')
    }
  }
  return {
    problem: (problem) => tell(() => refusalOfProblem(problem)),
    answer(route, request, reply, answer) {
      if (answer.status < 400) return
      tell(() => refusalOfAnswer(route, request, answer, reply.elapsedTime))
    },
  }
}

/** What was refused, for /metrics. */
export function refusalCounter({ counts }: Pick<RefusalReporter, 'counts'>): Record<string, CounterSource> {
  const help = 'Requests that were refused, by the type of their event and the reason'
  return { memoric_refusals_total: { help, labelNames: ['type', 'reason'], read: counts } }
}
