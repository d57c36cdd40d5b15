import { z } from 'zod'
import { alertWebhookId } from './ids.ts'
import type { Route } from './route.ts'
import { severity } from './severity.ts'
import { timestamp } from './text.ts'

/** A place where the alerts of a tenant are posted. */
export const alertWebhook = z
  .object({
    id: alertWebhookId,
    url: z.string(),
    min_severity: severity,
    created_by: z.string(),
    created_at: timestamp,
    disabled_at: timestamp.nullable().describe('when it answered 410, after which nothing is sent to it'),
    last_attempt_at: timestamp.nullable(),
    last_status: z.int().nullable().describe('HTTP status that it answered last'),
    last_failure: z.string().nullable().describe('why it was not reached the last time'),
  })
  .meta({ id: 'AlertWebhook' })
export type AlertWebhook = z.input<typeof alertWebhook>

const secret = z.string().describe('shown once; deliveries are signed with it (Standard Webhooks)')

export const alertWebhookWithSecret = alertWebhook.extend({ secret }).meta({ id: 'AlertWebhookWithSecret' })

export const createAlertWebhookBody = z
  .strictObject({
    url: z.string().min(1).max(2000).describe('https, at a public address'),
    min_severity: severity.default('notice').describe('less severe alerts are not posted'),
  })
  .meta({ id: 'CreateAlertWebhook' })

export const alertWebhookTest = z
  .object({
    delivered: z.boolean(),
    status: z.int().nullable().describe('HTTP status that it answered'),
    failure: z.string().nullable(),
  })
  .meta({ id: 'AlertWebhookTest' })

const address = z.email().max(254)

export const alertMail = z
  .object({
    addresses: z.array(z.string()),
    unconfirmed: z
      .array(z.string())
      .describe('those of them that get nothing until the code in their mail is confirmed'),
    min_severity: severity,
    updated_by: z.string().nullable(),
    updated_at: timestamp.nullable(),
    is_on: z.boolean().describe('whether this installation sends mails'),
  })
  .meta({ id: 'AlertMail' })
export type AlertMail = z.input<typeof alertMail>

export const setAlertMailBody = z
  .strictObject({
    addresses: z.array(address).max(5).describe('empty for nobody'),
    min_severity: severity.default('warning'),
  })
  .meta({ id: 'SetAlertMail' })

export const confirmAlertMailBody = z
  .strictObject({ code: z.string().min(1).max(64).describe('from the mail to the address') })
  .meta({ id: 'ConfirmAlertMail' })

const byId = z.strictObject({ id: alertWebhookId })

/** Where alerts go. */
export const alertDeliveryRoutes = {
  createAlertWebhook: {
    method: 'POST',
    path: '/v1/audit/webhooks',
    app: 'audit',
    access: 'admin:*',
    rate: 'write',
    summary: 'Post alerts to an address; gives the secret by which deliveries are signed, once',
    body: createAlertWebhookBody,
    responses: { 201: alertWebhookWithSecret },
  },
  listAlertWebhooks: {
    method: 'GET',
    path: '/v1/audit/webhooks',
    app: 'audit',
    access: 'admin:*',
    rate: 'read',
    summary: 'Where alerts are posted, and how that went last',
    responses: { 200: z.object({ items: z.array(alertWebhook) }) },
  },
  deleteAlertWebhook: {
    method: 'DELETE',
    path: '/v1/audit/webhooks/:id',
    app: 'audit',
    access: 'admin:*',
    rate: 'write',
    summary: 'Post nothing more to an address, also not what waits',
    params: byId,
    responses: { 204: null },
  },
  rotateAlertWebhook: {
    method: 'POST',
    path: '/v1/audit/webhooks/:id/rotate',
    app: 'audit',
    access: 'admin:*',
    rate: 'write',
    summary: 'Make another secret; for a day deliveries are signed with the old one too',
    params: byId,
    responses: { 200: alertWebhookWithSecret },
  },
  testAlertWebhook: {
    method: 'POST',
    path: '/v1/audit/webhooks/:id/test',
    app: 'audit',
    access: 'admin:*',
    rate: 'write',
    summary: 'Post a delivery of type webhook.test at once, and tell what came of it',
    params: byId,
    responses: { 200: alertWebhookTest },
  },
  getAlertMail: {
    method: 'GET',
    path: '/v1/audit/alert-mail',
    app: 'audit',
    access: 'admin:*',
    rate: 'read',
    summary: 'Who gets alerts by mail',
    responses: { 200: alertMail },
  },
  setAlertMail: {
    method: 'PUT',
    path: '/v1/audit/alert-mail',
    app: 'audit',
    access: 'admin:*',
    rate: 'write',
    summary: 'Decide who gets alerts by mail',
    description:
      'An address that is new is sent a code and gets alerts once it is confirmed. The same request again sends codes again, 10 a day at most.',
    body: setAlertMailBody,
    responses: { 200: alertMail },
  },
  confirmAlertMail: {
    method: 'POST',
    path: '/v1/audit/alert-mail/confirm',
    app: 'audit',
    access: 'admin:*',
    rate: 'write',
    summary: 'Confirm an address with the code that was sent to it; it gets alerts from then on',
    body: confirmAlertMailBody,
    responses: { 200: alertMail },
  },
} as const satisfies Record<string, Route>
