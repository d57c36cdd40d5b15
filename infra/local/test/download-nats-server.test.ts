import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { checked } from '../src/download-nats-server.ts'

test('a download is used only if it is what was pinned', () => {
  const bytes = Buffer.from('archive')
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  expect(checked(bytes, sha256)).toBe(bytes)
  expect(() => checked(Buffer.from('Archive'), sha256)).toThrow('not the release that was expected')
})
