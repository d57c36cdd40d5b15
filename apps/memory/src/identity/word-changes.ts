import type { BecomingChange } from '@memoric/contracts/identity-contract.ts'

/** A word with the space before it; the space at the end of the text is one, too. */
const WORDS = /\s*\S+|\s+$/gu

/**
 * What makes `after` of `before`, word by word: the same and the removed words together are the one text, the same and the added ones
 * the other. As many words stay the same as can (longest common subsequence).
 */
export function wordChanges(before: string, after: string): BecomingChange[] {
  const [old, anew] = [before.match(WORDS) ?? [], after.match(WORDS) ?? []]
  const common = commonLengths(old, anew)
  const changes: { op: BecomingChange['op']; text: string }[] = []
  const add = (op: BecomingChange['op'], word: string): void => {
    const last = changes.at(-1)
    if (last?.op === op) last.text += word
    else changes.push({ op, text: word })
  }
  let [at, to] = [0, 0]
  while (at < old.length || to < anew.length) {
    const [word, next] = [old[at], anew[to]]
    if (word !== undefined && word === next) {
      add('same', word)
      at += 1
      to += 1
    } else if (word !== undefined && common(at + 1, to) >= common(at, to + 1)) {
      add('removed', word)
      at += 1
    } else if (next !== undefined) {
      add('added', next)
      to += 1
    } else if (word !== undefined) {
      add('removed', word)
      at += 1
    }
  }
  return changes
}

/** How many words two texts have in common, in order, from given words on; less than nothing where one of them has ended. */
function commonLengths(old: readonly string[], anew: readonly string[]): (at: number, to: number) => number {
  const width = anew.length + 1
  const table = new Uint16Array((old.length + 1) * width)
  for (let at = old.length - 1; at >= 0; at--) {
    for (let to = anew.length - 1; to >= 0; to--) {
      const isSame = old[at] === anew[to]
      const [below, right] = [table[(at + 1) * width + to] ?? 0, table[at * width + to + 1] ?? 0]
      table[at * width + to] = isSame ? (table[(at + 1) * width + to + 1] ?? 0) + 1 : Math.max(below, right)
    }
  }
  return (at, to) => (to > anew.length ? -1 : (table[at * width + to] ?? 0))
}
