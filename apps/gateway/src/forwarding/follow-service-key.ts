import { parseServiceKey, type ServiceKey } from '@memoric/crypto/service-key.ts'
import { followFile, type LiveFile } from '@memoric/service/live-file.ts'
import type { Logger } from '@memoric/service/logger.ts'

/**
 * The key that the gateway presents to the service `name`, and what `file` holds in its place later. Throws when the first is
 * no service key.
 */
export function followServiceKey(
  name: string,
  text: string,
  file: string | undefined,
  log: Logger,
): LiveFile<ServiceKey> {
  const parse = (content: string): ServiceKey => {
    const key = parseServiceKey(content)
    if (key === null) throw new Error(`the service key for ${name} is not valid`)
    return key
  }
  return followFile({ path: file ?? null, initial: parse(text), parse, log })
}
