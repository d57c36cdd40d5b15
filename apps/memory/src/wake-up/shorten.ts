const ENDS = /[.!?…。！？]["'”’)\]]*(?=\s|$)|[。！？]/gu

/** The beginning of a text, at most `max` UTF-16 units: whole sentences if there is one, else whole words and an ellipsis. */
export function shorten(text: string, max: number): string {
  if (text.length <= max) return text
  const part = text.slice(0, max)
  let end = 0
  for (const { index, 0: mark } of part.matchAll(ENDS)) end = index + mark.length
  if (end > max / 3) return text.slice(0, end)
  const space = part.lastIndexOf(' ')
  return `${part
    .slice(0, space > max / 2 ? space : max - 1)
    .toWellFormed()
    .replace(/\ufffd$/u, '')
    .trimEnd()}…`
}
