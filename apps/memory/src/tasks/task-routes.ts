import type { Handlers } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { claimNextTask } from './claim-next-task.ts'
import { claimTask } from './claim-task.ts'
import { completeTask } from './complete-task.ts'
import { createTask } from './create-task.ts'
import { deleteTask } from './delete-task.ts'
import { getTask } from './get-task.ts'
import { listTasks } from './list-tasks.ts'
import { releaseTask } from './release-task.ts'
import { updateTask } from './update-task.ts'

type Operation =
  | 'createTask'
  | 'listTasks'
  | 'claimNextTask'
  | 'getTask'
  | 'updateTask'
  | 'deleteTask'
  | 'claimTask'
  | 'completeTask'
  | 'releaseTask'

/** Handlers of the routes under /v1/tasks. */
export function taskHandlers(deps: MemoryDeps): Pick<Handlers<'memory'>, Operation> {
  return {
    createTask: (call) => createTask(deps, call),
    listTasks: (call) => listTasks(deps, call),
    claimNextTask: (call) => claimNextTask(deps, call),
    getTask: (call) => getTask(deps, call),
    updateTask: (call) => updateTask(deps, call),
    deleteTask: (call) => deleteTask(deps, call),
    claimTask: (call) => claimTask(deps, call),
    completeTask: (call) => completeTask(deps, call),
    releaseTask: (call) => releaseTask(deps, call),
  }
}
