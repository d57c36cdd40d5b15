import type { OutboundFetch } from '@memoric/service/outbound-fetch.ts'
import type { Anchor } from './anchor.ts'

/** Posts each checkpoint to a URL, as the text that it is. */
export function createWebhookAnchor(url: string, fetch: OutboundFetch): Anchor {
  return {
    name: 'webhook',
    async publish({ note }) {
      const headers = { 'content-type': 'text/plain; charset=utf-8' }
      const { ok, status } = await fetch(url, { method: 'POST', headers, body: note })
      if (!ok) throw new Error(`the webhook answered ${status}`)
    },
  }
}
