import { z } from 'zod'
import { event } from './event.ts'
import { EVENT_TYPES } from './event-types.ts'

type Json = Record<string, unknown>

function channel(type: string): Json {
  return {
    address: `memoric.v1.{tenant}.${type}`,
    parameters: { tenant: { description: 'id of the tenant' } },
    messages: { [type]: { $ref: `#/components/messages/${type}` } },
  }
}

function message(type: string, summary: string): Json {
  const payload = { allOf: [{ $ref: '#/components/schemas/Event' }, { properties: { type: { const: type } } }] }
  return { name: type, summary, contentType: 'application/json', payload }
}

/** The AsyncAPI 3 document of the events, made from the table of event types. */
export function asyncApiDocument(version: string): Json {
  const types = Object.entries(EVENT_TYPES)
  const schema = JSON.stringify(z.toJSONSchema(event, { io: 'output', unrepresentable: 'any' }))
  const { $defs } = JSON.parse(schema.replaceAll('#/$defs/', '#/components/schemas/')) as { $defs: Json }
  return {
    asyncapi: '3.0.0',
    info: { title: 'Memoric events', version, license: { name: 'Apache-2.0' } },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(types.map(([type]) => [type, channel(type)])),
    operations: Object.fromEntries(
      types.map(([type, { app }]) => [
        `emit_${type.replaceAll('.', '_')}`,
        {
          action: 'send',
          summary: `emitted by ${app === 'every' ? 'every app' : app}`,
          channel: { $ref: `#/channels/${type}` },
        },
      ]),
    ),
    components: {
      messages: Object.fromEntries(types.map(([type, { summary }]) => [type, message(type, summary)])),
      schemas: $defs,
    },
  }
}
