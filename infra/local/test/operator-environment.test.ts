import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { secretFile } from '@memoric/setup/secrets.ts'
import { expect, test } from 'vitest'
import { homeAt, makeHome } from '../src/home.ts'
import { loadHomeSecrets } from '../src/home-secrets.ts'
import { operatorEnvironment } from '../src/operator-environment.ts'
import { temporaryFolder } from './temporary-folder.ts'

const ports = { gateway: 1, auth: 2, memory: 3, audit: 4, postgres: 5, nats: 6 }

test('the operator works with what auth of the home works with', async () => {
  const home = homeAt(await temporaryFolder())
  await makeHome(home)
  await writeFile(home.ports, JSON.stringify(ports))
  const secrets = await loadHomeSecrets(home)
  expect(await operatorEnvironment('auth', home, { PATH: '/bin', MEMORIC_ENCRYPTION_KEY: 'mine' })).toMatchObject({
    PATH: '/bin',
    DATABASE_URL: `postgres://memoric_auth:${secrets.appPasswords.auth}@127.0.0.1:5/memoric_auth`,
    NATS_URL: 'nats://127.0.0.1:6',
    NATS_USER: 'auth',
    NATS_PASSWORD: secrets.natsPasswords.auth,
    MEMORIC_ENCRYPTION_KEY_FILE: secretFile(home.secrets, 'auth-encryption.key'),
  })
})

test.each([
  ['never was a stack', undefined],
  ['the ports are damaged', '{"auth": 2'],
  ['a port is missing', JSON.stringify({ ...ports, postgres: undefined })],
])('where %s, it says to start one, and makes nothing', async (_what, text) => {
  const home = homeAt(await temporaryFolder())
  if (text !== undefined) await writeFile(home.ports, text)
  const before = await readdir(home.path)
  await expect(operatorEnvironment('auth', home, {})).rejects.toThrow(
    /No stack has been started in .*start it first \(npm start\)/,
  )
  expect(await readdir(home.path)).toEqual(before)
})

test('a secret without which nothing can be read is never made anew', async () => {
  const home = homeAt(join(await temporaryFolder(), 'home'))
  await makeHome(home)
  await writeFile(home.ports, JSON.stringify(ports))
  await expect(operatorEnvironment('auth', home, {})).rejects.toThrow('is missing')
  expect(await readdir(home.secrets)).toEqual([])
})
