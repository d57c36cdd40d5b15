import { createReadStream } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { ImportError } from './import-error.ts'

const AGE_BEGINNING = 'age-encryption.org/v1\n'
const ARMOR_BEGINNING = '-----BEGIN AGE'

/** Opens the bytes of an export as often as it is asked to, through age where the file is encrypted. Throws ImportError. */
export async function openFile(path: string, identityPath: string | undefined) {
  const beginning = await readBeginning(path)
  if (beginning.startsWith(ARMOR_BEGINNING))
    throw new ImportError('Armoured files of age cannot be read: take off the armour first.')
  if (!beginning.startsWith(AGE_BEGINNING))
    return () => Promise.resolve<AsyncIterable<Uint8Array>>(createReadStream(path))
  if (identityPath === undefined)
    throw new ImportError('The file is encrypted with age: name a file with the identity (--identity).')
  const identities = await readIdentities(identityPath)
  return () => decrypt(path, identities)
}

async function readBeginning(path: string): Promise<string> {
  const file = await open(path).catch((cause: unknown) => {
    throw new ImportError(`The file ${path} cannot be read.`, { cause })
  })
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0)
    return buffer.subarray(0, bytesRead).toString('latin1')
  } catch (cause) {
    throw new ImportError(`The file ${path} cannot be read.`, { cause })
  } finally {
    await file.close()
  }
}

/** Identities as age-keygen writes them: one a line, comments begin with #. */
async function readIdentities(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new ImportError(`The identity file ${path} cannot be read.`, { cause })
  })
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  return lines.filter((line) => line !== '' && !line.startsWith('#'))
}

async function decrypt(path: string, identities: readonly string[]): Promise<AsyncIterable<Uint8Array>> {
  const { Decrypter } = await import('age-encryption')
  const decrypter = new Decrypter()
  try {
    for (const identity of identities) decrypter.addIdentity(identity)
    return await decrypter.decrypt(ReadableStream.from(asBytes(createReadStream(path))))
  } catch (cause) {
    throw new ImportError('The file cannot be decrypted with this identity.', { cause })
  }
}

/** The library takes plain arrays of bytes. */
async function* asBytes(source: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  for await (const part of source) yield new Uint8Array(part)
}
