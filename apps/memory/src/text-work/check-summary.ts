/** Numbers, as they are written: 1.5, 2026-11-22, 12:30. */
const NUMBER = /\d+(?:[.,:/-]\d+)*/g
/** Words that begin with a capital and do not begin a sentence. */
const NAME = /(?<=[\p{L}\p{N},;)]\s)\p{Lu}[\p{L}\p{M}'’-]+/gu
const ADDRESS = /\b[a-z][a-z0-9+.-]*:\/\/\S+|\S+@\S+\.\S+/gi

/** What is wrong with a summary of texts: it is empty, too long, or has a number, a name or an address that they do not have. */
export function checkSummary(summary: string, texts: readonly string[], maxCharacters: number): string | null {
  if (summary === '') return 'is empty'
  if (summary.length > maxCharacters) return 'is too long'
  const known = texts.join('\n').toLowerCase()
  const numbers = new Set(known.match(NUMBER))
  if ((summary.match(NUMBER) ?? []).some((number) => !numbers.has(number)))
    return 'has a number that is not in the texts'
  const names = [...(summary.match(NAME) ?? []), ...(summary.match(ADDRESS) ?? [])]
  return names.some((name) => !known.includes(name.toLowerCase())) ? 'has a name that is not in the texts' : null
}
