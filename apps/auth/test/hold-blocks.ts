import type { TestAuth } from './use-auth.ts'

/** Makes the short waits after failed sign-ins a minute longer, so that no slow machine sits them out. */
export async function holdBlocks({ admin }: Pick<TestAuth, 'admin'>): Promise<void> {
  await admin`
    update sign_in_attempts set blocked_until = blocked_until + interval '1 minute'
    where blocked_until between clock_timestamp() and clock_timestamp() + interval '10 seconds'`
}
