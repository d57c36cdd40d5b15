import swagger, { type StaticDocumentSpec } from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { openApiDocument } from '@memoric/contracts/openapi.ts'
import { API_VERSION } from '@memoric/contracts/version.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

type OnRequest = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

/** Serves the OpenAPI document at /openapi.json and a page to read and try it at /docs. */
export async function useDocumentation(app: FastifyInstance, onRequest: OnRequest): Promise<void> {
  const document = openApiDocument(API_VERSION)
  const text = JSON.stringify(document)
  // The plugin's types end at OpenAPI 3.0; it passes any document on as it is.
  const specification = { document } as unknown as StaticDocumentSpec
  await app.register(async (scope) => {
    scope.addHook('onRequest', onRequest)
    scope.get('/openapi.json', (_request, reply) => reply.type('application/json; charset=utf-8').send(text))
    await scope.register(swagger, { mode: 'static', specification })
    await scope.register(swaggerUi, { routePrefix: '/docs', staticCSP: true })
  })
}
