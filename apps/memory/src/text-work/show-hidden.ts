/**
 * Ends a line, turns the direction of a text, or is not seen: controls, line and paragraph separators, marks of direction, spaces
 * without width, fillers, tags, and selectors that carry hidden bytes. Joiners stay, which scripts and emoji need.
 */
const HIDDEN =
  /[\p{Cc}\p{Zl}\p{Zp}\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}]/gu

/** The text with what would not be seen written out as in JSON: nothing in it can pass for something else. */
export function showHidden(text: string): string {
  return text.replace(HIDDEN, escaped)
}

/** One escape for each UTF-16 unit. */
function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, at) => unit(character.charCodeAt(at))).join('')
}

function unit(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`
}
