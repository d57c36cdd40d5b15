import type { Sql } from '@memoric/postgres/client.ts'
import type { Closer } from '@memoric/service/closer.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { createOutboundFetch } from '@memoric/service/outbound-fetch.ts'
import type { AuditConfig } from '../config.ts'
import type { Anchor } from './anchor.ts'
import { type Anchoring, createAnchoring } from './anchoring.ts'
import { createFileAnchor } from './file-anchor.ts'
import { createWebhookAnchor } from './webhook-anchor.ts'
import { createWitnessAnchor } from './witness-anchor.ts'

/** The anchors that are configured, none unless one is. */
export function openAnchors(config: AuditConfig, sql: Sql, log: Logger, closer: Closer): Anchoring {
  const anchoring = createAnchoring({
    anchors: anchorsOf(config, sql),
    intervalMs: config.AUDIT_ANCHOR_SECONDS * 1000,
    log,
  })
  closer.defer('anchors', () => anchoring.close())
  return anchoring
}

function anchorsOf(config: AuditConfig, sql: Sql): Anchor[] {
  const { AUDIT_ANCHOR_FILE: file, AUDIT_ANCHOR_URL: url, AUDIT_WITNESSES: witnesses } = config
  const fetch = createOutboundFetch({ privateNetworks: config.OUTBOUND_PRIVATE_NETWORKS })
  return [
    ...(file === undefined ? [] : [createFileAnchor(file)]),
    ...(url === undefined ? [] : [createWebhookAnchor(url, fetch)]),
    ...witnesses.map((witness) => createWitnessAnchor(sql, witness, fetch)),
  ]
}
