import type { NatsUser } from '@memoric/local/nats-config.ts'

/** What each user of NATS may and may not do, one line a rule. `app` stands for any other user. */
export interface PermissionRow {
  user: NatsUser
  publish: { allowed: string[]; refused: string[] }
  subscribe: { allowed: string[]; refused: string[] }
}

const api = '$JS.API'
const event = 'memoric.v1.tenant.memory.created'

/** Nobody but admin may do these. */
const never = {
  publish: ['anything', 'memoric', '_INBOX_admin.x', '_INBOX.x', '$SYS.REQ.SERVER.PING'],
  subscribe: [
    '>',
    '*',
    'memoric.>',
    '_INBOX.>',
    '_INBOX_admin.>',
    '$SYS.>',
    '$JS.>',
    'memoric.dead.>',
    'memoric.internal.>',
  ],
}

export const permissionTable: PermissionRow[] = [
  {
    user: 'auth',
    publish: {
      allowed: [
        event,
        'memoric.internal.revoked',
        'memoric.internal.signing_keys',
        `${api}.INFO`,
        `${api}.STREAM.INFO.MEMORIC_EVENTS`,
      ],
      refused: [
        ...never.publish,
        'memoric.dead.audit',
        'memoric.internal.confirmed.auth',
        'memoric.v2.tenant.memory.created',
        `${api}.STREAM.DELETE.MEMORIC_EVENTS`,
        `${api}.STREAM.PURGE.MEMORIC_EVENTS`,
        `${api}.STREAM.MSG.GET.MEMORIC_EVENTS`,
        `${api}.STREAM.INFO.MEMORIC_DEAD_LETTERS`,
        `${api}.STREAM.NAMES`,
        `${api}.CONSUMER.CREATE.MEMORIC_EVENTS.auth`,
        `${api}.CONSUMER.MSG.NEXT.MEMORIC_EVENTS.audit`,
        '$JS.ACK.MEMORIC_EVENTS.audit.1.1.1.1.0',
      ],
    },
    subscribe: {
      allowed: [
        '_INBOX_auth.x',
        '_INBOX_auth.x.*',
        'memoric.internal.confirmed.auth',
        'memoric.internal.confirmed.gateway',
        'memoric.internal.signing_keys',
        'memoric.internal.count.auth',
      ],
      refused: [
        ...never.subscribe,
        event,
        'memoric.v1.>',
        '_INBOX_memory.>',
        'memoric.internal.confirmed.memory',
        'memoric.internal.confirmed.*',
        'memoric.internal.revoked',
      ],
    },
  },
  {
    user: 'memory',
    publish: {
      allowed: [
        event,
        `${api}.INFO`,
        `${api}.STREAM.INFO.MEMORIC_EVENTS`,
        `${api}.CONSUMER.CREATE.MEMORIC_EVENTS.memory`,
        `${api}.CONSUMER.DURABLE.CREATE.MEMORIC_EVENTS.memory`,
        `${api}.CONSUMER.INFO.MEMORIC_EVENTS.memory`,
        `${api}.CONSUMER.MSG.NEXT.MEMORIC_EVENTS.memory`,
        '$JS.ACK.MEMORIC_EVENTS.memory.1.1.1.1.0',
      ],
      refused: [
        ...never.publish,
        'memoric.internal.revoked',
        'memoric.internal.signing_keys',
        'memoric.internal.confirmed.auth',
        'memoric.dead.memory',
        `${api}.STREAM.DELETE.MEMORIC_EVENTS`,
        `${api}.STREAM.UPDATE.MEMORIC_EVENTS`,
        `${api}.CONSUMER.CREATE.MEMORIC_EVENTS.audit`,
        `${api}.CONSUMER.DELETE.MEMORIC_EVENTS.audit`,
        `${api}.CONSUMER.MSG.NEXT.MEMORIC_EVENTS.audit`,
        `${api}.CONSUMER.CREATE.MEMORIC_DEAD_LETTERS.memory`,
        '$JS.ACK.MEMORIC_EVENTS.audit.1.1.1.1.0',
      ],
    },
    subscribe: {
      allowed: ['_INBOX_memory.x', 'memoric.internal.confirmed.memory'],
      refused: [
        ...never.subscribe,
        'memoric.v1.>',
        '_INBOX_audit.>',
        'memoric.internal.confirmed.auth',
        'memoric.internal.revoked',
        'memoric.internal.signing_keys',
      ],
    },
  },
  {
    user: 'audit',
    publish: {
      allowed: [
        event,
        'memoric.dead.audit',
        'memoric.internal.confirmed.auth',
        'memoric.internal.confirmed.memory',
        `${api}.STREAM.CREATE.MEMORIC_EVENTS`,
        `${api}.CONSUMER.MSG.NEXT.MEMORIC_EVENTS.audit`,
        '$JS.ACK.MEMORIC_EVENTS.audit.1.1.1.1.0',
      ],
      refused: [...never.publish, 'memoric.internal.revoked', 'memoric.internal.signing_keys', '_INBOX_auth.x'],
    },
    subscribe: {
      allowed: ['_INBOX_audit.x', 'memoric.internal.confirmed.audit'],
      refused: [
        ...never.subscribe,
        'memoric.v1.>',
        '_INBOX_memory.>',
        'memoric.internal.confirmed.auth',
        'memoric.internal.signing_keys',
      ],
    },
  },
  {
    user: 'gateway',
    publish: {
      allowed: [
        `${api}.INFO`,
        `${api}.STREAM.INFO.MEMORIC_EVENTS`,
        `${api}.CONSUMER.CREATE.MEMORIC_EVENTS.gateway_1.memoric.v1.tenant.>`,
        `${api}.CONSUMER.MSG.NEXT.MEMORIC_EVENTS.gateway_1`,
      ],
      refused: [
        ...never.publish,
        event,
        'memoric.internal.revoked',
        'memoric.internal.signing_keys',
        'memoric.internal.confirmed.auth',
        'memoric.dead.gateway',
        `${api}.STREAM.DELETE.MEMORIC_EVENTS`,
        `${api}.CONSUMER.CREATE.MEMORIC_EVENTS.audit`,
        `${api}.CONSUMER.CREATE.MEMORIC_EVENTS.audit.memoric.v1.tenant.>`,
        `${api}.CONSUMER.CREATE.MEMORIC_EVENTS.memory.memoric.v1.tenant.>`,
        `${api}.CONSUMER.DELETE.MEMORIC_EVENTS.audit`,
        `${api}.CONSUMER.MSG.NEXT.MEMORIC_EVENTS.audit`,
        `${api}.CONSUMER.MSG.NEXT.MEMORIC_EVENTS.memory`,
        '$JS.ACK.MEMORIC_EVENTS.audit.1.1.1.1.0',
      ],
    },
    subscribe: {
      allowed: ['_INBOX_gateway.x', 'memoric.internal.revoked', 'memoric.internal.signing_keys'],
      refused: [
        ...never.subscribe,
        'memoric.v1.>',
        '_INBOX_auth.>',
        'memoric.internal.confirmed.auth',
        'memoric.internal.confirmed.gateway',
      ],
    },
  },
]
