import { stemEnglish } from './stem-english.ts'

/** What English puts after a stem, as the rules of Snowball take it away; one after the other, they end in those that are here. */
const ENDINGS =
  'ings ingly edly iedly eedly ies ationally ationalism ationalist ationalize ativeness itionally tionals ' +
  'izations izational izers izingly alizations alizes alized alizing alisms alities ally fulness fulnesses fully ' +
  'ousness ousnesses ously iveness ivenesses ively ivities bilities ableness ably ibly lessness lessly ologists ' +
  'ologies icates icated icating icities ically icalness atively ators atory ances ancies ences encies ers ic ables ' +
  'ibles ements ments ments ents ently antly isms ates ated ating ations ities ives izes ized izing ions ioned ' +
  'ioning ionally nesses ssly lls lly yings'

/** All that may follow a beginning of a word that goes on within an ending. */
const TAILS = [...new Set(ENDINGS.split(' ').flatMap((ending) => Array.from(ending, (_, at) => ending.slice(at))))]

const WORD = /^[a-z]+$/

/** The last prefixes with their stems. */
const known = new Map<string, readonly string[]>()
const MOST_KNOWN = 1000

/** Stems that do not begin with a prefix though words have them that do: `run` for `runn`. The word that the prefix is itself is left out. */
export function stemsBefore(prefix: string): readonly string[] {
  const found = known.get(prefix) ?? findStems(prefix)
  if (known.size === MOST_KNOWN) known.clear()
  known.set(prefix, found)
  return found
}

function findStems(prefix: string): string[] {
  if (!WORD.test(prefix)) return []
  const stems = new Set(TAILS.map((tail) => stemEnglish(prefix + tail)))
  const own = stemEnglish(prefix)
  return [...stems].filter((stem) => stem !== own && !stem.startsWith(prefix))
}
