import { INTROSPECT_PATH, introspectBody, type IntrospectAnswer } from '@memoric/contracts/introspection.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { faults } from '@memoric/service/implement-routes.ts'
import type { FastifyInstance } from 'fastify'
import type { Deps } from '../deps.ts'
import { introspectApiKey } from './introspect-api-key.ts'
import { introspectSession } from './introspect-session.ts'

/** Answers services which ask, for themselves and not for a client, whether a credential stands. Needs the caller plugin. */
export function useIntrospection(app: FastifyInstance, deps: Deps): void {
  app.post(INTROSPECT_PATH, async (request): Promise<IntrospectAnswer> => {
    if (request.caller.principal.type !== 'service') throw new AppError('permission_denied')
    const question = introspectBody.safeParse(request.body)
    if (!question.success) throw new AppError('validation_failed', { errors: faults(question.error) })
    const { data } = question
    return { grant: await (data.kind === 'session' ? introspectSession(deps, data) : introspectApiKey(deps, data)) }
  })
}
