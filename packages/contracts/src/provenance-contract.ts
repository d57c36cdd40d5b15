import { z } from 'zod'

/** Where the words of a memory come from. `service` is Memoric itself, of other memories. */
export const SOURCES = ['user', 'agent', 'tool', 'import', 'service'] as const
export const source = z.enum(SOURCES)
export type Source = z.infer<typeof source>

/** What a caller may say of the source. */
export const statedSource = source.exclude(['service'])

/** How far a memory is to be trusted, least first. */
export const TRUST_LEVELS = ['untrusted', 'standard', 'trusted'] as const
export const trust = z.enum(TRUST_LEVELS)
export type Trust = z.infer<typeof trust>

/** Whether a memory is still told: one that is attenuated counts less, one that is quarantined or retracted is withheld. */
export const STANDINGS = ['current', 'attenuated', 'quarantined', 'retracted'] as const
export const standing = z.enum(STANDINGS)
export type Standing = z.infer<typeof standing>

/** `<type>:<id>` of who did something. */
export const principalName = z.string().describe('<type>:<id>, such as user:… or api_key:…')

export const provenance = z
  .object({
    written_by: principalName.nullable().describe('who wrote this version; null for memories of before this was kept'),
    key_id: z.string().nullable().describe('the API key that it came through; null when it came through none'),
    source: source.nullable().describe('where the words come from, as the writer says'),
  })
  .meta({ id: 'Provenance' })
export type Provenance = z.infer<typeof provenance>

/** What a writer may say of where something comes from. */
export const statedProvenance = {
  source: statedSource
    .optional()
    .describe('where the words come from; when left out user for a signed-in user and agent for an API key'),
  trust: trust
    .optional()
    .describe('never more than the credential gives; when left out what the credential gives, and untrusted for tool'),
}
