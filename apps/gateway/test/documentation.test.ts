import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { openApiDocument } from '@memoric/contracts/openapi.ts'
import { API_VERSION } from '@memoric/contracts/version.ts'
import { beforeAll, describe, expect, test } from 'vitest'
import { type RunningGateway, useGateway } from './use-gateway.ts'

const written = new URL('../../../docs/openapi.json', import.meta.url)
const TOKEN = 'a-token-for-operators'
const gateway = useGateway()
let withToken: RunningGateway

beforeAll(async () => {
  withToken = await gateway.startAnother({ METRICS_TOKEN: TOKEN })
})

describe('the documentation', () => {
  test('/openapi.json is the document of the route table', async () => {
    const answer = await gateway.app.inject('/openapi.json')
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(answer.json()).toEqual(JSON.parse(JSON.stringify(openApiDocument(API_VERSION))))
  })

  // `pnpm generate` writes it, and `pnpm check` tells when it is missing.
  test.skipIf(!existsSync(written))('/openapi.json is the document in docs/', async () => {
    const text = await readFile(written, 'utf8')
    expect((await gateway.app.inject('/openapi.json')).json()).toEqual(JSON.parse(text))
  })

  test('/docs is a page that works without anything from elsewhere', async () => {
    const page = await gateway.app.inject('/docs')
    expect(page.statusCode).toBe(200)
    expect(page.headers['content-type']).toContain('text/html')
    const sources = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => String(source))
    expect(sources.length).toBeGreaterThan(2)
    for (const source of sources) {
      const { pathname, origin } = new URL(source, 'http://memoric.test/docs/')
      expect(origin).toBe('http://memoric.test')
      expect((await gateway.app.inject(pathname.replace('/docs/docs/', '/docs/'))).statusCode).toBe(200)
    }
    expect(String(page.headers['content-security-policy'])).not.toMatch(/unsafe-eval|script-src[^;]*unsafe-inline|\*/)
  })

  test('the page shows the same document', async () => {
    const shown = (await gateway.app.inject('/docs/json')).json<{ paths: object }>()
    const served = (await gateway.app.inject('/openapi.json')).json<{ paths: object }>()
    expect(shown.paths).toEqual(served.paths)
  })

  test.each([
    '/docs/static/../../../package.json',
    '/docs/static/..%2f..%2f..%2fpackage.json',
    '/docs/static/%2e%2e/%2e%2e/package.json',
    '/docs/static/..%5c..%5cpackage.json',
    '/docs/static//etc/passwd',
    '/docs/static/%00',
  ])('%s leads to no file', async (url) => {
    const answer = await gateway.app.inject(url)
    expect([400, 403, 404]).toContain(answer.statusCode)
    expect(answer.body).not.toMatch(/root:|dependencies/)
  })
})

describe('metrics', () => {
  test.each([undefined, '', 'Bearer', 'Bearer wrong', `bearer ${TOKEN}`, `Bearer ${TOKEN}x`, TOKEN])(
    'are not there for a stranger (%s)',
    async (authorization) => {
      const headers = authorization === undefined ? {} : { authorization }
      for (const { app } of [withToken, gateway]) {
        expect((await app.inject({ url: '/metrics', headers })).statusCode).toBe(404)
      }
    },
  )

  test('are there for the operator, and name no address that was tried', async () => {
    await withToken.app.inject('/secret-path-of-somebody')
    const answer = await withToken.app.inject({ url: '/metrics', headers: { authorization: `Bearer ${TOKEN}` } })
    expect(answer.statusCode).toBe(200)
    expect(answer.body).toContain('http_request_duration_seconds')
    expect(answer.body).not.toContain('secret-path-of-somebody')
  })
})

test.each(['/internal/introspect', '/internal', '/v1', '/', '/admin', '/.env', '/metrics/', '/health/x'])(
  '%s is nothing',
  async (url) => {
    const before = gateway.auth.seen.length
    for (const method of ['GET', 'POST'] as const) {
      const answer = await gateway.app.inject({ method, url, headers: { 'x-api-key': gateway.newKey().text } })
      expect(answer.statusCode).toBe(404)
    }
    expect(gateway.auth.seen.length).toBe(before)
  },
)
