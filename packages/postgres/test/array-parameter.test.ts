import { expect, test } from 'vitest'
import { hexArray, plainArray, textArray } from '../src/array-parameter.ts'
import { systemTransaction } from '../src/tenant-transaction.ts'
import { useNotesClient, useNotesDatabase } from './notes-database.ts'

const client = useNotesClient(useNotesDatabase())

test('what goes into an array comes out of it, whatever it is', async () => {
  const texts = ['', ' ', 'null', 'NULL', null, 'a,b', '{}', '"', '\\', '\\"', "'", 'a\nb', '}', 'é🙂', '\\x41']
  const uuids = ['01a200f8-8ff7-7001-b2f0-5717d2e69ba7', '01a200f8-8ff7-7001-b2f0-5717d2e69ba8']
  const numbers = [0, -1, 1.5, 2 ** 53 - 1, 1e21, null]
  const bytes = [Buffer.alloc(0), Buffer.from([0, 0x22, 0x5c, 0xff])]
  const [row] = await systemTransaction(
    client(),
    (tx) => tx`
      select to_jsonb(${textArray(texts)}::text[]) as texts, ${plainArray(uuids)}::uuid[] as uuids,
        to_jsonb(${plainArray(numbers)}::double precision[]) as numbers, ${hexArray(bytes)}::bytea[] as bytes`,
  )
  expect(row).toEqual({ texts, uuids, numbers, bytes })
})
