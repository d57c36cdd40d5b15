import { expect, test } from 'vitest'
import { byteaArray, jsonLines, plainArray, textArray, timestampArray } from '../src/array-parameter.ts'
import { systemTransaction } from '../src/tenant-transaction.ts'
import { useNotesClient, useNotesDatabase } from './notes-database.ts'

const client = useNotesClient(useNotesDatabase())

test('what goes into an array comes out of it, whatever it is', async () => {
  const texts = ['', ' ', 'null', 'NULL', null, 'a,b', '{}', '"', '\\', '\\"', "'", 'a\nb', '}', 'é🙂', '\\x41']
  const uuids = ['01a200f8-8ff7-7001-b2f0-5717d2e69ba7', '01a200f8-8ff7-7001-b2f0-5717d2e69ba8']
  const numbers = [0, -1, 1.5, 2 ** 53 - 1, 1e21, null]
  const bytes = ['', null, '00225cff']
  const times = [Date.UTC(2026, 10, 22, 8, 0, 0, 123), null, 0, -1]
  const json = [{}, { text: 'two\nlines "\\" é🙂' }].map((value) => JSON.stringify(value))
  const buffers = bytes.map((hex) => (hex === null ? null : Buffer.from(hex, 'hex')))
  const dates = times.map((time) => (time === null ? null : new Date(time)))
  // As JSON: the driver reads no nulls in arrays.
  const [row] = await systemTransaction(
    client(),
    (tx) => tx`
      select to_jsonb(${textArray(texts)}::text[]) as texts, ${plainArray(uuids)}::uuid[] as uuids,
        to_jsonb(${plainArray(numbers)}::double precision[]) as numbers,
        (select jsonb_agg(encode(b, 'hex')) from unnest(${byteaArray(buffers)}::bytea[]) as b) as bytes,
        (select jsonb_agg(extract(epoch from t) * 1000) from unnest(${timestampArray(dates)}::timestamptz[]) as t) as times,
        string_to_array(${jsonLines(json)}, chr(10)) as json, string_to_array(${jsonLines([])}, chr(10)) as none`,
  )
  expect(row).toEqual({ texts, uuids, numbers, bytes, times, json, none: [] })
})
