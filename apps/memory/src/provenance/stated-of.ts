import type { Stated } from './provenance.ts'

/** What of a body says where it comes from; nothing where it says nothing. */
export function statedOf({ source, trust }: Stated): Stated {
  return { ...(source !== undefined && { source }), ...(trust !== undefined && { trust }) }
}
