import { z } from 'zod'
import { queryInteger } from './text.ts'

/** Query of a list: how many items, and where the page before ended. */
export const pageQuery = {
  limit: queryInteger(1, 200).default(50),
  cursor: z.string().min(1).max(512).optional().describe('next_cursor of the page before'),
}

/** A page: `next_cursor` is null on the last one. */
export function page<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next_cursor: z.string().nullable() })
}
