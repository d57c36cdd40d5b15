/** RFC 6238 with what every authenticator app understands: SHA-1, 6 digits, steps of 30 seconds. */
const otplib = () => import('otplib/functional')

const ISSUER = 'Memoric'
/** RFC 4226 section 4, R6: 160 bits. */
const SECRET_BYTES = 20
const STEP_SECONDS = 30
const CODE = /^\d{6}$/

/** A secret that an authenticator app is set up with. */
export interface Enrollment {
  /** Base32. */
  readonly secret: string
  readonly otpauthUri: string
}

/** Makes the secret of an account. */
export async function createEnrollment(email: string): Promise<Enrollment> {
  const { generateSecret, generateURI } = await otplib()
  const secret = generateSecret({ length: SECRET_BYTES })
  return { secret, otpauthUri: generateURI({ issuer: ISSUER, label: email, secret }) }
}

/**
 * The time step that a code belongs to: the current one or one beside it, since telephones go wrong by seconds and people type slowly.
 * Null for a code of no such step.
 */
export async function findStep(secret: string, code: string, now: number): Promise<number | null> {
  if (!CODE.test(code)) return null
  const { verify } = await otplib()
  const found = await verify({ secret, token: code, epoch: Math.floor(now / 1000), epochTolerance: STEP_SECONDS })
  return found.valid && 'timeStep' in found ? found.timeStep : null
}

/** Whether a text has the form of a code, other than a recovery code. */
export function isCode(text: string): boolean {
  return CODE.test(text)
}
