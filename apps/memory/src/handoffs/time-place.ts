import { uuid } from '@memoric/contracts/ids.ts'
import { timestamp } from '@memoric/contracts/text.ts'
import { z } from 'zod'

/** Where a page in the order of time ended. */
export const timePlace = z.strictObject({ at: timestamp, id: uuid })
