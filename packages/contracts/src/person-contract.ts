import { z } from 'zod'
import { personName } from './handoff-contract.ts'
import { uuid } from './ids.ts'
import { page, pageQuery } from './page.ts'
import type { Route } from './route.ts'
import { identifier, timestamp } from './text.ts'

/** Most other names of a person. */
export const PERSON_ALIASES = 50

export const putPersonBody = z
  .strictObject({
    subject_id: identifier.optional().describe('the agent that knows the person'),
    name: personName,
    aliases: z
      .array(personName)
      .max(PERSON_ALIASES)
      .describe('all other names of the person; case and accents make no difference'),
  })
  .meta({ id: 'PutPerson' })
export type PutPerson = z.output<typeof putPersonBody>

export const person = z
  .object({
    id: uuid,
    subject_id: z.string(),
    name: z.string(),
    aliases: z.array(z.string()),
    version: z.int(),
    updated_at: timestamp,
  })
  .meta({ id: 'Person' })
export type Person = z.input<typeof person>

/** The persons that an agent works with, by all their names. */
export const personRoutes = {
  putPerson: {
    method: 'PUT',
    path: '/v1/persons',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Say by which names a person is known',
    description:
      'The person is the one who goes by the name already, as a name or an alias; the names that are left out are forgotten.',
    body: putPersonBody,
    responses: { 200: person, 201: person },
  },
  listPersons: {
    method: 'GET',
    path: '/v1/persons',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'Persons with their names, or the one who goes by a name',
    query: z.strictObject({ ...pageQuery, subject_id: identifier.optional(), name: personName.optional() }),
    responses: { 200: page(person) },
  },
} as const satisfies Record<string, Route>
