import { createApiKey, parseApiKey } from '@memoric/crypto/api-key.ts'
import { describe, expect, test } from 'vitest'
import { leakPlace } from '../src/api-keys/leak-place.ts'
import { reportLeak } from '../src/api-keys/report-leak.ts'
import { addMember, askKey, countEvents, eventsOf } from './add-member.ts'
import { anonymousContext } from './begin-session.ts'
import { countFlights } from './count-flights.ts'
import { withOtherSecret } from './other-secret.ts'
import { useRevokedIds } from './revocation-signals.ts'
import { type Owner, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'
import { mailsAreDone, useMailbox } from './use-mailbox.ts'

const mailbox = useMailbox()
const auth = useAuth(mailbox.settings)
const revoked = useRevokedIds(auth)

const report = (body: object, caller = {}) => auth.call('POST', '/v1/api-keys/report-leak', body, caller)

async function newKey({ caller }: Owner): Promise<{ id: string; key: string; key_id: string }> {
  const body = { name: 'Night shift', scopes: ['memories:read'] }
  return (await auth.call('POST', '/v1/api-keys', body, caller)).body
}

describe('a key that was found in the open', () => {
  test('ends at once, whoever reports it, and every gateway hears of it', async () => {
    const owner = await signUp(auth)
    const { id, key } = await newKey(owner)
    expect(await report({ key })).toMatchObject({ status: 202, body: {} })
    expect(await askKey(auth, key)).toMatchObject({ grant: null, refusal: { reason: 'revoked' } })
    await expect.poll(() => revoked).toContain(id)
    const [row] = await auth.admin`select revoked_reason from api_keys where id = ${id}`
    expect(row).toEqual({ revoked_reason: 'leaked' })
  })

  test('is told in the log of its tenant, without the key', async () => {
    const owner = await signUp(auth)
    const { id, key, key_id } = await newKey(owner)
    await report({ key: ` ${key}\n`, url: 'https://user:pw@paste.example/a/b?token=1#x' })
    const events = await eventsOf(auth, owner, 'api_key.leaked')
    expect(events).toMatchObject([
      {
        actor: 'anonymous:anonymous',
        data: { resource_id: id, status_code: 202, details: { key_id, url: 'https://paste.example/a/b' } },
      },
    ])
    expect(JSON.stringify(events)).not.toContain(parseApiKey(key)!.secret)
  })

  test('tells nothing of who reported it to another tenant', async () => {
    const [owner, other] = [await signUp(auth), await signUp(auth)]
    const [theirs, own] = [await newKey(other), await newKey(owner)]
    await report({ key: theirs.key }, owner.caller)
    await report({ key: own.key }, owner.caller)
    const [told] = await eventsOf(auth, other, 'api_key.leaked')
    expect(JSON.stringify(told)).not.toContain(owner.userId)
    expect(JSON.stringify(told)).not.toContain(owner.tenantId)
    expect((await eventsOf(auth, owner, 'api_key.leaked'))[0]?.actor).toBe(`user:${owner.userId}`)
  })

  test('is mailed to the owners and to the user behind it', async () => {
    const owner = await signUp(auth)
    const [admin, member] = [await addMember(auth, owner, 'admin'), await addMember(auth, owner)]
    const { key, key_id } = await newKey(admin)
    await report({ key })
    for (const { email } of [owner, admin]) {
      const { text } = await mailbox.mailTo(email, key_id)
      expect(text).not.toContain(parseApiKey(key)!.secret)
    }
    await mailsAreDone(auth)
    expect((await mailbox.mailsTo(member.email)).filter(({ text }) => text.includes(key_id))).toEqual([])
  })

  test('that has been reported, revoked, or has expired changes nothing', async () => {
    const owner = await signUp(auth)
    const [reported, ended, expired] = [await newKey(owner), await newKey(owner), await newKey(owner)]
    await report({ key: reported.key })
    await auth.call('DELETE', `/v1/api-keys/${ended.id}`, undefined, owner.caller)
    await auth.admin`update api_keys set expires_at = now() where id = ${expired.id}`
    const events = await countEvents(auth, owner)
    for (const { key } of [reported, ended, expired]) {
      expect(await report({ key })).toMatchObject({ status: 202, body: {} })
    }
    expect(await countEvents(auth, owner)).toBe(events)
    const [row] = await auth.admin`select revoked_at from api_keys where id = ${expired.id}`
    expect(row).toEqual({ revoked_at: null })
  })

  test('reported by twenty at once is told once', async () => {
    const owner = await signUp(auth)
    const { key } = await newKey(owner)
    const answers = await Promise.all(Array.from({ length: 20 }, () => report({ key })))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
    expect(await eventsOf(auth, owner, 'api_key.leaked')).toHaveLength(1)
  })

  test('of a suspended tenant ends too', async () => {
    const owner = await signUp(auth)
    const { id, key } = await newKey(owner)
    await auth.admin`update tenants set suspended_at = now() where id = ${owner.tenantId}`
    await report({ key })
    const [row] = await auth.admin`select revoked_reason from api_keys where id = ${id}`
    expect(row).toEqual({ revoked_reason: 'leaked' })
  })
})

describe('the answer to a report', () => {
  test('is the same for a real key and for any other text', async () => {
    const owner = await signUp(auth)
    const [{ key }, unharmed] = [await newKey(owner), await newKey(owner)]
    const texts = [
      key,
      withOtherSecret(unharmed.key),
      createApiKey('local').text,
      key.slice(0, -1),
      'mk_',
      'x',
      '😀',
      '%00',
    ]
    const answers = []
    for (const text of texts) answers.push(await report({ key: text }))
    const shapes = answers.map(({ status, body, headers: { date: _date, 'x-request-id': _id, ...headers } }) =>
      JSON.stringify({ status, body, headers }),
    )
    expect(new Set(shapes).size).toBe(1)
    expect(answers[0]).toMatchObject({ status: 202, body: {} })
    expect((await askKey(auth, unharmed.key)).refusal).toBeNull()
  })

  test('costs no query for junk, and one for a wrong secret as for a key that does not exist', async () => {
    const { key } = await newKey(await signUp(auth))
    const costOf = async (text: string) => {
      const { deps, flights } = countFlights(auth.deps)
      const answer = await reportLeak(deps)({
        body: { key: text },
        params: undefined,
        query: undefined,
        headers: undefined,
        context: anonymousContext,
      })
      expect(answer).toEqual({ status: 202, body: {} })
      return flights()
    }
    expect(await costOf('junk')).toBe(0)
    expect(await costOf(`${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`)).toBe(0)
    expect(await costOf(withOtherSecret(key))).toBe(1)
    expect(await costOf(createApiKey('local').text)).toBe(1)
  })

  test('is a fault for what is no report', async () => {
    const wrong = [
      {},
      { key: '' },
      { key: 1 },
      { key: 'x'.repeat(257) },
      { key: 'x', url: 'no url' },
      { key: 'x', more: 1 },
    ]
    for (const body of wrong) expect((await report(body)).status).toBe(400)
  })
})

describe('what the log keeps of the address', () => {
  const { text } = createApiKey('live')

  test.each([
    ['https://paste.example/x', 'https://paste.example/x'],
    ['http://paste.example:8080/x?y=1#z', 'http://paste.example:8080/x'],
    ['https://anna:secret@paste.example/', 'https://paste.example/'],
    [`https://paste.example/${text}`, 'https://paste.example'],
    [`https://paste.example/raw/%6Dk${text.slice(2)}`, 'https://paste.example'],
    [`https://paste.example/${'x'.repeat(300)}`, 'https://paste.example'],
    ['mailto:anna@example.org', null],
    ['data:text/plain,x', null],
    ['file:///home/anna/keys', null],
  ])('%s: %s', (url, place) => {
    expect(leakPlace(url)).toBe(place)
  })
})
