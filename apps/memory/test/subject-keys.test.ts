import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { useMemory } from './use-memory.ts'

const memory = useMemory()

test('who writes for a new subject gets keys, also when somebody reads at the same moment', async () => {
  const { keys } = memory.deps
  const tenantId = randomUUID()
  await keys.forWriting(tenantId, 'warm', () => undefined)
  for (let i = 0; i < 20; i++) {
    const subject = `subject ${i}`
    const [, version] = await Promise.all([
      keys.forReading(tenantId, subject, () => undefined),
      keys.forWriting(tenantId, subject, ({ content }) => content.current().id),
      keys.forReading(tenantId, subject, () => undefined),
    ])
    expect(version).toBe(1)
  }
})

test('keys that are forgotten while they are read are not kept', async () => {
  const { keys } = memory.deps
  const tenantId = randomUUID()
  await keys.forWriting(tenantId, 'ada', () => undefined)
  keys.forgetSubject(tenantId, 'ada')
  const reading = keys.forReading(tenantId, 'ada', (read) => read !== null)
  await Promise.resolve()
  keys.forgetSubject(tenantId, 'ada')
  expect(await reading).toBe(true)
  await memory.admin`delete from subject_keys where tenant_id = ${tenantId}`
  expect(await keys.forReading(tenantId, 'ada', (read) => read)).toBeNull()
})
