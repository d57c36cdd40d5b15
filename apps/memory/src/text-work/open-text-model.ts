import type { MemoryConfig } from '../config.ts'
import type { TextModel } from './text-model.ts'

/** Most bytes of an answer. */
const MAX_BYTES = 1_048_576

/** The model that the operator has set up; null for none. Its address is the operator's choice and may be a private one. */
export async function openTextModel(config: MemoryConfig): Promise<TextModel | null> {
  const { TEXT_MODEL_URL: url, TEXT_MODEL_NAME: name, TEXT_MODEL_KEY: apiKey, TEXT_MODEL_TIMEOUT_MS: totalMs } = config
  if (url === undefined || name === undefined) return null
  const [{ createOutboundFetch }, { createChatModel }] = await Promise.all([
    import('@memoric/service/outbound-fetch.ts'),
    import('./chat-model.ts'),
  ])
  const fetch = createOutboundFetch({ privateNetworks: true, totalMs, maxBytes: MAX_BYTES })
  return createChatModel({ url, name, apiKey, fetch })
}
