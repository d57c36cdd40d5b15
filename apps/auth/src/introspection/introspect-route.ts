import {
  INTROSPECT_PATH,
  introspectBody,
  type IntrospectAnswer,
  type IntrospectBody,
} from '@memoric/contracts/introspection.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { faults } from '@memoric/service/implement-routes.ts'
import type { FastifyInstance } from 'fastify'
import type { Deps } from '../deps.ts'
import { introspectApiKey, introspectClient } from './introspect-api-key.ts'
import { introspectSession } from './introspect-session.ts'

/** Answers services which ask, for themselves and not for a client, whether a credential stands. Needs the caller plugin. */
export function useIntrospection(app: FastifyInstance, deps: Deps): void {
  app.post(INTROSPECT_PATH, (request): Promise<IntrospectAnswer> => {
    if (request.caller.principal.type !== 'service') throw new AppError('permission_denied')
    const question = introspectBody.safeParse(request.body)
    if (!question.success) throw new AppError('validation_failed', { errors: faults(question.error) })
    return answer(deps, question.data)
  })
}

function answer(deps: Deps, question: IntrospectBody): Promise<IntrospectAnswer> {
  if (question.kind === 'session') return introspectSession(deps, question)
  return question.kind === 'client' ? introspectClient(deps, question) : introspectApiKey(deps, question)
}
