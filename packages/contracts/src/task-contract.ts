import { z } from 'zod'
import { idempotencyKey } from './idempotency-key.ts'
import { personName } from './handoff-contract.ts'
import { memoryId, uuid } from './ids.ts'
import { ifMatch, MEMORY_LIMITS } from './memory-contract.ts'
import { page, pageQuery } from './page.ts'
import { standing, statedProvenance, trust } from './provenance-contract.ts'
import type { Route } from './route.ts'
import { identifier, text, textBytes, timestamp, utf8Length } from './text.ts'

export const TASK_LIMITS = {
  titleCharacters: 200,
  descriptionBytes: 16_384,
  resultBytes: 8192,
  dependsOn: 50,
  leaseSeconds: { default: 300, most: 86_400 },
} as const

/** The role of the memories by which a search finds tasks. */
export const TASK_ROLE = 'task'

/** `claimed` ends with the lease: then the task is open again. */
export const TASK_STATES = ['open', 'claimed', 'done', 'cancelled'] as const
export const taskState = z.enum(TASK_STATES)
export type TaskState = z.infer<typeof taskState>

const title = text(TASK_LIMITS.titleCharacters).regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, { error: 'must be one line' })
const description = textBytes(TASK_LIMITS.descriptionBytes)
const priority = z.number().min(0).max(1)
const tags = z.array(text(MEMORY_LIMITS.tagCharacters)).max(MEMORY_LIMITS.tags)

export const createTaskBody = z
  .strictObject({
    subject_id: identifier.optional().describe('the agent whose task it is'),
    namespace: identifier.optional(),
    title,
    description: description.optional(),
    with_whom: personName
      .optional()
      .describe('for whom it is: a wake-up for a session with somebody else leaves it out'),
    priority: priority.default(0.5).describe('0..1: the highest is done first'),
    due_at: timestamp.optional(),
    depends_on: z
      .array(memoryId)
      .max(TASK_LIMITS.dependsOn)
      .refine((ids) => new Set(ids).size === ids.length, { error: 'must name each task once' })
      .default([])
      .describe('tasks of the same subject and namespace that must be done or cancelled before this one is claimed'),
    tags: tags.default([]),
    ...statedProvenance,
  })
  .meta({ id: 'CreateTask' })
export type CreateTask = z.output<typeof createTaskBody>

export const updateTaskBody = z
  .strictObject({
    title: title.optional(),
    description: description.nullable().optional(),
    with_whom: personName.nullable().optional(),
    priority: priority.optional(),
    due_at: timestamp.nullable().optional(),
    tags: tags.optional(),
    ...statedProvenance,
    state: z.literal('cancelled').optional().describe('ends the task, and the claim on it'),
  })
  .refine((body) => Object.keys(body).length > 0, { error: 'must name at least one field to change' })
  .meta({ id: 'UpdateTask' })
export type UpdateTask = z.output<typeof updateTaskBody>

export const taskClaim = z
  .object({
    id: uuid.describe('to be sent with complete, release and a renewal'),
    by: z.string().describe('<type>:<id> of who claimed it'),
    agent: z.string().nullable(),
    claimed_at: timestamp,
    until: timestamp.describe('the end of the lease'),
  })
  .meta({ id: 'TaskClaim' })

export const task = z
  .object({
    id: memoryId.describe('also the id of the memory by which a search finds it'),
    subject_id: z.string(),
    namespace: z.string(),
    version: z.int(),
    state: taskState,
    title: z.string(),
    description: z.string().nullable(),
    with_whom: z.string().nullable(),
    priority: z.number(),
    due_at: timestamp.nullable(),
    depends_on: z.array(memoryId),
    tags: z.array(z.string()),
    claim: taskClaim.nullable().describe('while the lease runs'),
    times_claimed: z.int().describe('more than once where leases ran out or claims were given back'),
    result: z.string().nullable(),
    ended_at: timestamp.nullable(),
    ended_by: z.string().nullable().describe('<type>:<id> of who completed or cancelled it'),
    trust,
    standing,
    written_by: z.string().describe('<type>:<id> of who wrote this version'),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'Task' })
export type Task = z.input<typeof task>

export const listTasksQuery = z.strictObject({
  ...pageQuery,
  subject_id: identifier.optional(),
  namespace: identifier.optional(),
  state: z
    .enum(['unfinished', ...TASK_STATES, 'all'])
    .default('unfinished')
    .describe('unfinished: those that are open or claimed'),
})
export type ListTasksQuery = z.output<typeof listTasksQuery>

const agent = identifier.optional().describe('who of those that share a credential works on it')
const leaseSeconds = z.int().min(1).max(TASK_LIMITS.leaseSeconds.most).default(TASK_LIMITS.leaseSeconds.default)
const claimId = uuid.optional()

export const claimTaskBody = z
  .strictObject({
    agent,
    lease_seconds: leaseSeconds,
    claim_id: claimId.describe('the id of the claim that is renewed'),
  })
  .meta({ id: 'ClaimTask' })
export type ClaimTask = z.output<typeof claimTaskBody>

export const claimNextTaskBody = z
  .strictObject({
    subject_id: identifier.optional(),
    namespace: identifier.optional(),
    agent,
    lease_seconds: leaseSeconds,
  })
  .meta({ id: 'ClaimNextTask' })

const result = textBytes(TASK_LIMITS.resultBytes).refine(
  (value) => utf8Length(JSON.stringify(value)) <= TASK_LIMITS.resultBytes,
  { error: `must have at most ${TASK_LIMITS.resultBytes} bytes as JSON` },
)
const whichClaim = claimId.describe('of the claim; without it, whatever claim the credential has on the task')

export const completeTaskBody = z
  .strictObject({ claim_id: whichClaim, result: result.optional() })
  .meta({ id: 'CompleteTask' })
export type CompleteTask = z.output<typeof completeTaskBody>

export const releaseTaskBody = z.strictObject({ claim_id: whichClaim }).meta({ id: 'ReleaseTask' })

const idParams = z.strictObject({ id: memoryId })

export const taskRoutes = {
  createTask: {
    method: 'POST',
    path: '/v1/tasks',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Write down what is to be done',
    headers: idempotencyKey,
    body: createTaskBody,
    responses: { 201: task },
  },
  listTasks: {
    method: 'GET',
    path: '/v1/tasks',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'Tasks of a subject, newest first; those that are not finished unless others are asked for',
    query: listTasksQuery,
    responses: { 200: page(task) },
  },
  claimNextTask: {
    method: 'POST',
    path: '/v1/tasks/claim-next',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Claim the open task of the highest priority; 204 when there is none',
    body: claimNextTaskBody,
    responses: { 200: task, 204: null },
  },
  getTask: {
    method: 'GET',
    path: '/v1/tasks/:id',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'One task',
    params: idParams,
    responses: { 200: task },
  },
  updateTask: {
    method: 'PATCH',
    path: '/v1/tasks/:id',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Change or cancel a task that is not finished; the version before stays in the history of its memory',
    params: idParams,
    headers: ifMatch,
    body: updateTaskBody,
    responses: { 200: task },
  },
  deleteTask: {
    method: 'DELETE',
    path: '/v1/tasks/:id',
    app: 'memory',
    access: 'memories:delete',
    rate: 'write',
    summary: 'Delete a task with its versions and its memory',
    params: idParams,
    responses: { 204: null },
  },
  claimTask: {
    method: 'POST',
    path: '/v1/tasks/:id/claim',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Claim a task that is open, or renew a claim',
    description:
      'Of many at once one gets it. The claim ends with its lease, so a task is never with a worker that died.',
    params: idParams,
    body: claimTaskBody,
    responses: { 200: task },
  },
  completeTask: {
    method: 'POST',
    path: '/v1/tasks/:id/complete',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Complete a task: who claimed it, while the lease runs',
    params: idParams,
    body: completeTaskBody,
    responses: { 200: task },
  },
  releaseTask: {
    method: 'POST',
    path: '/v1/tasks/:id/release',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Give a claim back: who claimed the task, while the lease runs',
    params: idParams,
    body: releaseTaskBody,
    responses: { 200: task },
  },
} as const satisfies Record<string, Route>
