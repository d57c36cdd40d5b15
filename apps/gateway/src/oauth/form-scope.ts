import type { Route } from '@memoric/contracts/route.ts'
import { PROBLEM_CONTENT_TYPE } from '@memoric/service/problem.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { formToJson } from './form-body.ts'

/**
 * Where a route for OAuth clients is added by `add`: its body may also be a form, which becomes JSON, and a problem is called plain JSON
 * for clients that accept no other. Everywhere else a form is an unsupported media type.
 */
export function useFormScope(app: FastifyInstance, route: Route, add: (scope: FastifyInstance) => void): void {
  const names = route.body instanceof z.ZodObject ? Object.keys(route.body.shape) : []
  void app.register((scope, _options, done) => {
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'buffer' },
      (_request, body: Buffer, parsed) => {
        try {
          parsed(null, formToJson(body, names))
        } catch (error) {
          parsed(error as Error)
        }
      },
    )
    scope.addHook('onSend', (request, reply, payload, sent) => {
      const isProblem = reply.getHeader('content-type') === PROBLEM_CONTENT_TYPE
      if (isProblem && wantsPlainJson(request)) reply.type('application/json; charset=utf-8')
      sent(null, payload)
    })
    add(scope)
    done()
  })
}

/** RFC 6749 section 5.2 has errors in application/json, and some clients look no further. */
function wantsPlainJson({ headers: { accept = '' } }: FastifyRequest): boolean {
  return accept.includes('application/json') && !accept.includes('application/problem+json')
}
