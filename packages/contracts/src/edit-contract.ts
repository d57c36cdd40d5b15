import { z } from 'zod'
import { editId, memoryId } from './ids.ts'
import { ifMatch } from './memory-contract.ts'
import { page, pageQuery } from './page.ts'
import { principalName, standing } from './provenance-contract.ts'
import type { Route } from './route.ts'
import { identifier, text, timestamp } from './text.ts'

export const EDIT_LIMITS = { reasonCharacters: 1000, editsOfMemory: 100, leastFactor: 0.01, mostFactor: 0.99 } as const

export const EDIT_OPERATIONS = ['retract', 'quarantine', 'attenuate'] as const
export const editOperation = z.enum(EDIT_OPERATIONS)
export type EditOperation = z.infer<typeof editOperation>

export const EDIT_STATUSES = ['proposed', 'approved', 'rejected', 'undone'] as const
export const editStatus = z.enum(EDIT_STATUSES)
export type EditStatus = z.infer<typeof editStatus>

const reason = text(EDIT_LIMITS.reasonCharacters)

export const proposeEditBody = z
  .strictObject({
    memory_id: memoryId.describe('also the id of a handoff, a knowledge note, a decision or a task'),
    operation: editOperation.describe(
      'retract what is false, quarantine what is suspect, attenuate what should count less',
    ),
    factor: z
      .number()
      .min(EDIT_LIMITS.leastFactor)
      .max(EDIT_LIMITS.mostFactor)
      .optional()
      .describe('for attenuate: what its score is multiplied by'),
    reason,
  })
  .refine(({ operation, factor }) => (operation === 'attenuate') === (factor !== undefined), {
    path: ['factor'],
    error: 'is needed for attenuate, and for nothing else',
  })
  .meta({ id: 'ProposeEdit' })
export type ProposeEdit = z.output<typeof proposeEditBody>

export const decideEditBody = z
  .strictObject({ reason: reason.optional().describe('why it is decided so') })
  .meta({ id: 'DecideEdit' })
export type DecideEdit = z.output<typeof decideEditBody>

export const edit = z
  .object({
    id: editId,
    memory_id: memoryId,
    memory_version: z.int().describe('the version that it was proposed for; it is approved for no other'),
    subject_id: z.string(),
    namespace: z.string(),
    operation: editOperation,
    factor: z.number().nullable(),
    status: editStatus,
    reason: z.string(),
    proposed_by: principalName,
    proposed_at: timestamp,
    decided_by: principalName.nullable().describe('who approved or rejected it'),
    decided_at: timestamp.nullable(),
    decision_reason: z.string().nullable(),
    undone_by: principalName.nullable(),
    undone_at: timestamp.nullable(),
    undo_reason: z.string().nullable(),
  })
  .meta({ id: 'Edit' })
export type Edit = z.input<typeof edit>

const decided = edit
  .extend({ standing: standing.describe('of the memory from now on'), standing_factor: z.number() })
  .meta({ id: 'DecidedEdit' })
export type DecidedEdit = z.input<typeof decided>

export const listEditsQuery = z.strictObject({
  ...pageQuery,
  subject_id: identifier.optional(),
  namespace: identifier.optional(),
  memory_id: memoryId.optional(),
  status: editStatus.optional(),
})
export type ListEditsQuery = z.output<typeof listEditsQuery>

const idParams = z.strictObject({ id: editId })

export const editRoutes = {
  proposeEdit: {
    method: 'POST',
    path: '/v1/edits',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Propose to withhold a memory, or to let it count less',
    description: 'Nothing changes until somebody approves it.',
    headers: ifMatch,
    body: proposeEditBody,
    responses: { 201: edit },
  },
  listEdits: {
    method: 'GET',
    path: '/v1/edits',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'Edits, newest first',
    query: listEditsQuery,
    responses: { 200: page(edit) },
  },
  getEdit: {
    method: 'GET',
    path: '/v1/edits/:id',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'One edit',
    params: idParams,
    responses: { 200: edit },
  },
  approveEdit: {
    method: 'POST',
    path: '/v1/edits/:id/approve',
    app: 'memory',
    access: 'memories:delete',
    rate: 'write',
    summary: 'Let an edit take effect',
    description:
      'Not by who proposed it, but for those who hold policies:write and for users about the memories of themselves.',
    params: idParams,
    body: decideEditBody,
    responses: { 200: decided },
  },
  rejectEdit: {
    method: 'POST',
    path: '/v1/edits/:id/reject',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Refuse an edit, or take back a proposal of one’s own',
    description: 'For proposals of others the permission memories:delete is needed, too.',
    params: idParams,
    body: decideEditBody,
    responses: { 200: decided },
  },
  undoEdit: {
    method: 'POST',
    path: '/v1/edits/:id/undo',
    app: 'memory',
    access: 'memories:delete',
    rate: 'write',
    summary: 'Take back an edit that has taken effect',
    description: 'The memory stands again as its other edits leave it.',
    params: idParams,
    body: decideEditBody,
    responses: { 200: decided },
  },
} as const satisfies Record<string, Route>
