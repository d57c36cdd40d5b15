import { fastify, type FastifyInstance } from 'fastify'
import type { Sql } from 'postgres'

interface Item {
  tenant_id: string
  subject_id: string
  content: string
}

interface Search {
  tenant_id: string
  subject_id: string
  words: string[]
  top_k: number
}

/** The least that stores and finds memories over HTTP: no authentication, encryption, events or audit, bodies are believed. */
export function buildBaseline(sql: Sql): FastifyInstance {
  const app = fastify()
  app.get('/ready', () => ({ status: 'ready' }))
  app.post<{ Body: Item }>('/memories', async ({ body }, reply) => {
    const [row] = await insert(sql, [body])
    return reply.code(201).send(row)
  })
  app.post<{ Body: { items: Item[] } }>('/memories/batch', async ({ body }) => ({
    items: await insert(sql, body.items),
  }))
  app.get<{ Params: { tenant: string; id: string } }>('/tenants/:tenant/memories/:id', async ({ params }) => {
    const [row] =
      await sql`select ${columns(sql)} from memories where tenant_id = ${params.tenant} and id = ${params.id}`
    return row
  })
  app.get<{ Params: { tenant: string; subject: string } }>('/tenants/:tenant/subjects/:subject', async ({ params }) => {
    const items = await sql`
      select ${columns(sql)} from memories where tenant_id = ${params.tenant} and subject_id = ${params.subject}
      order by id desc limit 50`
    return { items }
  })
  app.post<{ Body: Search }>('/search', async ({ body }) => ({ results: await search(sql, body) }))
  return app
}

function columns(sql: Sql) {
  return sql`tenant_id, id, subject_id, namespace, thread_id, session_id, version, tier, importance, seen_count,
    occurred_at, created_at, updated_at, expires_at, content, metadata`
}

function insert(sql: Sql, items: readonly Item[]) {
  const rows = items.map(({ tenant_id, subject_id, content }) => ({
    tenant_id,
    subject_id,
    namespace: 'default',
    version: 1,
    tier: 'short_term',
    importance: 0.5,
    seen_count: 1,
    content,
    metadata: '{}',
  }))
  return sql`insert into memories ${sql(rows)} returning ${columns(sql)}`
}

function search(sql: Sql, { tenant_id, subject_id, words, top_k }: Search) {
  return sql`
    select ${columns(sql)}, ts_rank(search, query) as score
    from documents, to_tsquery('english', ${words.join(' | ')}) as query
    where tenant_id = ${tenant_id} and subject_id = ${subject_id} and search @@ query
    order by score desc limit ${top_k}`
}
