import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createCloser, openWith } from '../src/closer.ts'
import { captureLog } from './captured-log.ts'

test('a closer closes last in, first out, one after the other', async () => {
  const events: string[] = []
  const closer = createCloser(captureLog().log)
  for (const name of ['postgres', 'nats', 'relay']) {
    closer.defer(name, async () => {
      events.push(`${name} begins`)
      await turn()
      events.push(`${name} ends`)
    })
  }
  await closer.close()
  expect(events).toEqual(['relay', 'nats', 'postgres'].flatMap((name) => [`${name} begins`, `${name} ends`]))
})

test('a closer closes the rest when one fails or throws, and says which', async () => {
  const closed: string[] = []
  const { log, text } = captureLog()
  const closer = createCloser(log)
  closer.defer('first', () => {
    closed.push('first')
    return undefined
  })
  closer.defer('rejects', () => Promise.reject(new Error('stuck')))
  closer.defer('throws', () => {
    throw new Error('broken')
  })
  await closer.close()
  expect(closed).toEqual(['first'])
  expect(text()).toMatch(/"resource":"throws"[^]*"resource":"rejects"/)
})

test('a closer closes each thing once', async () => {
  let times = 0
  const closer = createCloser(captureLog().log)
  closer.defer('once', () => {
    times++
    return undefined
  })
  await Promise.all([closer.close(), closer.close()])
  await closer.close()
  expect(times).toBe(1)
})

test('what was opened is closed again when the rest cannot be opened, and the cause is told', async () => {
  const closed: string[] = []
  const opening = openWith(captureLog().log, (closer) => {
    closer.defer('first', () => closed.push('first'))
    closer.defer('second', () => closed.push('second'))
    return Promise.reject(new Error('the third cannot be opened'))
  })
  await expect(opening).rejects.toThrow('the third cannot be opened')
  expect(closed).toEqual(['second', 'first'])
})
