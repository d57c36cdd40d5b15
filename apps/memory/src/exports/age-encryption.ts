import { AppError } from '@memoric/service/app-error.ts'

/** Encrypts a stream of bytes to a recipient as https://age-encryption.org/v1 says, as fast as it is read. */
export async function encryptToAge(
  recipient: string,
  lines: AsyncIterable<Uint8Array>,
): Promise<AsyncIterable<Uint8Array>> {
  const encrypter = await encrypterTo(recipient)
  return encrypter.encrypt(ReadableStream.from(lines))
}

/** Throws AppError `validation_failed` unless something can be encrypted to the recipient. */
export async function checkAgeRecipient(recipient: string): Promise<void> {
  try {
    const encrypter = await encrypterTo(recipient)
    await encrypter.encrypt('')
  } catch (cause) {
    const errors = [{ pointer: '/age_recipient', message: 'is not a recipient of age: the check sum is wrong' }]
    throw new AppError('validation_failed', { errors, cause })
  }
}

/** Few exports are encrypted: whoever needs it not does not load it. */
async function encrypterTo(recipient: string) {
  const { Encrypter } = await import('age-encryption')
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  return encrypter
}
