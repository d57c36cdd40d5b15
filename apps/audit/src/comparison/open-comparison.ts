import { COUNTED_TENANTS, countAnswer } from '@memoric/contracts/signals.ts'
import { countSubject } from '@memoric/contracts/subjects.ts'
import type { Messaging } from '@memoric/messaging/connect.ts'
import { ask } from '@memoric/messaging/questions.ts'
import { countedHour } from '@memoric/postgres/outbox-counts.ts'
import type { ComparedApp } from './compare-hour.ts'
import { type Comparison, type ComparisonDeps, createComparison } from './compare-outboxes.ts'

type OpenDeps = Omit<ComparisonDeps, 'apps'> & { readonly messaging: Messaging }

/** Compares the log with the outboxes of every app; that of audit is in its own database. */
export function openComparison(deps: OpenDeps): Comparison {
  const over = (app: string): ComparedApp['ask'] => {
    return async (question) => countAnswer.parse(await ask(deps.messaging, countSubject(app), question))
  }
  return createComparison({
    ...deps,
    apps: [
      { app: 'auth', sources: ['memoric/auth', 'memoric/gateway'], ask: over('auth') },
      { app: 'memory', sources: ['memoric/memory'], ask: over('memory') },
      {
        app: 'audit',
        sources: ['memoric/audit'],
        ask: ({ hour, after }) => countedHour(deps.sql, hour, after, COUNTED_TENANTS),
      },
    ],
  })
}
