import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { Deps } from '../deps.ts'
import { queueMail } from './mail-queue.ts'
import { mailOrigin } from './mail-request.ts'

/** Queues a mail to the accounts of an address, if it has any: that is looked up later, so that the answer cannot tell. */
export async function askForMail(
  deps: Deps,
  kind: 'password_reset' | 'email_verification',
  to: string,
  context: RequestContext,
): Promise<void> {
  await systemFlight(deps.sql, (tx) => [queueMail(tx, deps, { kind, to, origin: mailOrigin(context) })])
  deps.mail.wake()
}
