import { describe, expect, test } from 'vitest'
import { AppError } from '../src/app-error.ts'
import { captureLog } from './captured-log.ts'
import { testServer } from './test-server.ts'

const SECRET = 'planted-s3cret'

const SECRET_FIELDS = [
  'password',
  'authorization',
  'cookie',
  'secret',
  'token',
  'access_token',
  'refresh_token',
  'key',
  'api_key',
  'x-api-key',
  'x-memoric-service-key',
  'x-memoric-identity',
  'content',
  'query',
  'email',
]

describe('the logger', () => {
  test.each(SECRET_FIELDS)('never writes the value of %s, at any of four levels', (field) => {
    const { log, text } = captureLog()
    const planted = { [field]: SECRET }
    log.info(planted, 'top')
    log.info({ body: planted }, 'second')
    log.info({ request: { headers: planted } }, 'third')
    log.info({ a: { b: { c: planted } } }, 'fourth')
    log.info({ items: [planted, planted] }, 'in a list')
    log.child({ bound: planted }).info('in a child')
    expect(text().match(/\[redacted\]/g)).toHaveLength(7)
    expect(text()).not.toContain(SECRET)
  })

  test('never writes what a database error says of the row', () => {
    const { log, text } = captureLog()
    const error = Object.assign(new Error('duplicate key value'), {
      code: '23505',
      query: `insert ${SECRET}`,
      parameters: [SECRET],
      args: [SECRET],
      detail: `Key (email)=(${SECRET}) already exists.`,
      where: SECRET,
    })
    log.error({ err: error }, 'request failed')
    log.error({ err: new AppError('internal_error', { cause: error }) }, 'request failed')
    expect(text()).toContain('23505')
    expect(text()).not.toContain(SECRET)
  })

  test('writes nothing of a thrown value that is not an Error', () => {
    const { log, text } = captureLog()
    log.error({ err: { planted: SECRET } }, 'request failed')
    log.error({ err: SECRET }, 'request failed')
    expect(text()).toContain('not an Error')
    expect(text()).not.toContain(SECRET)
  })

  test('writes the causes of an error', () => {
    const { log, text } = captureLog()
    const cause = new Error('the disk is full')
    log.error({ err: new AppError('internal_error', { cause: new Error('no write', { cause }) }) }, 'request failed')
    expect(text()).toContain('no write')
    expect(text()).toContain('the disk is full')
  })

  test('writes one line of JSON whatever the text', () => {
    const { log, text } = captureLog()
    log.info({ name: 'a\r\n{"level":"fatal"}\u001b[31m\u2028' }, 'evil\nname')
    const lines = text().trimEnd().split('\n')
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', app: 'test', msg: 'evil\nname' })
    expect(text()).not.toContain('\u001b')
  })

  test('says nothing of a request that fails, beyond its code and route', async () => {
    const { log, text } = captureLog()
    const app = await testServer({ log })
    app.post('/items/:id', () => {
      throw new AppError('internal_error')
    })
    await app.inject({
      method: 'POST',
      url: `/items/${SECRET}?query=${SECRET}`,
      headers: { authorization: `Bearer ${SECRET}`, 'x-api-key': SECRET, cookie: SECRET },
      payload: { content: SECRET, password: SECRET },
    })
    expect(text()).toContain('/items/:id')
    expect(text()).not.toContain(SECRET)
  })

  test('says nothing of a body that does not parse', async () => {
    const { log, text } = captureLog()
    const app = await testServer({ log })
    app.post('/', () => ({}))
    const headers = { 'content-type': 'application/json' }
    await app.inject({ method: 'POST', url: '/', headers, payload: `{"content":"${SECRET}` })
    expect(text()).toContain('malformed_json')
    expect(text()).not.toContain(SECRET)
  })
})
