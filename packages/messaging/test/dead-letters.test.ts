import { DEAD_LETTER_STREAM, deadLetterSubject } from '@memoric/contracts/subjects.ts'
import { type OwnNats, startOwnNats } from '@memoric/testkit/start-own-nats.ts'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { deadLetterDigest, deadLetterName, purgeDeadLetters } from '../src/dead-letters.ts'
import { ensureStreams } from '../src/streams.ts'
import { useMessaging } from './messaging-fixture.ts'

let nats: OwnNats

beforeEach(async () => {
  nats = await startOwnNats()
})
afterEach(() => nats.remove())

const { connect } = useMessaging()
const letter = (text: string) => ({ subject: 'memoric.v1.t1.memory.created', data: Buffer.from(text) })

it('removes dead letters by their digests, and with them those of before, which have no names', async () => {
  const audit = connect(nats, 'audit')
  const connection = await audit.connected()
  await ensureStreams(connection)
  const [ada, linus] = [letter('ada'), letter('linus')]
  const subjects = [ada, linus].map((message) => deadLetterSubject('audit', deadLetterName(message)))
  for (const subject of [...subjects, deadLetterSubject('audit'), deadLetterSubject('memory')]) {
    await jetstream(connection).publish(subject, 'a letter')
  }
  await purgeDeadLetters(audit, 'audit', [deadLetterDigest(ada)])
  const { streams } = await jetstreamManager(connection)
  const { state } = await streams.info(DEAD_LETTER_STREAM, { subjects_filter: '>' })
  expect(Object.keys(state.subjects ?? {}).sort()).toEqual([subjects[1], deadLetterSubject('memory')].sort())
})
