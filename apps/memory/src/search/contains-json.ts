import type { JsonValue } from '@memoric/contracts/text.ts'

/**
 * Whether `whole` contains `part`, as PostgreSQL's `@>` does for jsonb: objects by the keys that `part` names,
 * arrays when each element of `part` is contained in some element of `whole`, all else by equality.
 */
export function containsJson(whole: JsonValue | undefined, part: JsonValue): boolean {
  if (Array.isArray(part)) {
    return Array.isArray(whole) && part.every((wanted) => whole.some((element) => containsJson(element, wanted)))
  }
  if (typeof part === 'object' && part !== null) {
    if (typeof whole !== 'object' || whole === null || Array.isArray(whole)) return false
    return Object.entries(part).every(([key, wanted]) => Object.hasOwn(whole, key) && containsJson(whole[key], wanted))
  }
  return whole === part
}
