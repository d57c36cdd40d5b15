import { AppError } from '@memoric/service/app-error.ts'
import type { Deps } from '../deps.ts'
import { ProviderFault } from './provider-fault.ts'

/** Throws AppError `rule_violated`, with the reason, when no one could sign in through the issuer. */
export async function requireUsableIssuer(
  { identityProviders }: Pick<Deps, 'identityProviders'>,
  tenantId: string,
  issuer: string,
): Promise<void> {
  const { search, hash } = new URL(issuer)
  if (search !== '' || hash !== '' || /[?#]/.test(issuer)) throw refused('it must have no query and no fragment')
  try {
    await identityProviders.wait(tenantId, () => identityProviders.check(issuer))
  } catch (error) {
    if (error instanceof ProviderFault) throw refused(error.message)
    throw error
  }
}

function refused(message: string): AppError {
  return new AppError('rule_violated', {
    detail: `the issuer cannot be used: ${message}`,
    errors: [{ pointer: '/issuer', message }],
  })
}
