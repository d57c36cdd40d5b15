import { APPS, type BenchStack } from '../bench-stack.ts'
import { residentMemory } from './process-tree.ts'

/** Resident memory of each app, MiB; undefined on systems that do not tell. */
export type MemoryUse = readonly { readonly app: string; readonly resident: number | undefined }[]

export async function readMemoryUse(stack: BenchStack): Promise<MemoryUse> {
  return Promise.all(APPS.map(async (app) => ({ app, resident: residentMemory(await stack.pidOf(app)) })))
}

/** All apps together, MiB. */
export function totalMemory(use: MemoryUse): number | undefined {
  return use.reduce<number | undefined>(
    (sum, { resident }) => (sum === undefined || resident === undefined ? undefined : sum + resident),
    0,
  )
}
