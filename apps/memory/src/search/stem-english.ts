// The English (Porter2) stemmer of Snowball 3, from its description:
// https://snowballstem.org/algorithms/english/stemmer.html

/** Replaces `suffix` by `by`; `condition` looks at the word and where the suffix begins. */
interface Rule {
  readonly suffix: string
  readonly by: string
  readonly condition?: (word: string, at: number, r2: number) => boolean
}

/** Rules by the code of the last letter of their suffix, longest suffix first. */
type RuleTable = readonly (readonly Rule[] | undefined)[]

const Y = 0x79
const CONSONANT_Y = 0x59
const E = 0x65
const L = 0x6c
const S = 0x73

const LETTER_A = 0x61
const VOWEL_BITS = letterBits('aeiouy')
const LI_ENDING_BITS = letterBits('cdeghkmnrt')
const DOUBLE_BITS = letterBits('bdfgmnprt')

/** Words whose stem the rules would get wrong. */
const EXCEPTIONS = new Map([
  ...Object.entries({ skis: 'ski', skies: 'sky', idly: 'idl', gently: 'gentl', ugly: 'ugli', early: 'earli' }),
  ...Object.entries({ only: 'onli', singly: 'singl' }),
  ...['sky', 'news', 'howe', 'atlas', 'cosmos', 'bias', 'andes'].map((word): [string, string] => [word, word]),
])

/** Beginnings after which R1 starts, wherever the vowels are. */
const R1_PREFIXES = ['gener', 'commun', 'arsen', 'past', 'univers', 'later', 'emerg', 'organ', 'inter']
const R1_PREFIX_INITIALS = letterBits('gcapuleoi')

const ING_IS_NO_SUFFIX = new Set(['inn', 'out', 'cann', 'herr', 'earr', 'even'])
const EED_IS_NO_SUFFIX = new Set(['proc', 'exc', 'succ'])

const STEP_2 = ruleTable(
  'tional>tion enci>ence anci>ance abli>able entli>ent izer>ize ization>ize ational>ate ation>ate ator>ate',
  'alism>al aliti>al alli>al fulness>ful ousli>ous ousness>ous iveness>ive iviti>ive biliti>ble bli>ble',
  'ogist>og fulli>ful lessli>less',
  { suffix: 'ogi', by: 'og', condition: (word, at) => word.charCodeAt(at - 1) === L },
  { suffix: 'li', by: '', condition: (word, at) => isOneOf(LI_ENDING_BITS, word.charCodeAt(at - 1)) },
)

const STEP_3 = ruleTable('tional>tion ational>ate alize>al icate>ic iciti>ic ical>ic ful> ness>', {
  suffix: 'ative',
  by: '',
  condition: (_word, at, r2) => at >= r2,
})

const STEP_4 = ruleTable('al> ance> ence> er> ic> able> ible> ant> ement> ment> ent> ism> ate> iti> ous> ive> ize>', {
  suffix: 'ion',
  by: '',
  condition: (word, at) => word.endsWith('s', at) || word.endsWith('t', at),
})

/** The stem of a word in lower-case ASCII letters; other characters count as consonants. */
export function stemEnglish(word: string): string {
  if (word.length < 3) return word
  const exception = EXCEPTIONS.get(word)
  if (exception !== undefined) return exception
  const bare = word.startsWith("'") ? word.slice(1) : word
  if (!bare.includes('y')) return stemMarked(bare)
  return stemMarked(markConsonantY(bare)).replaceAll('Y', 'y')
}

function stemMarked(marked: string): string {
  const r1 = startOfR1(marked)
  const r2 = afterVowelAndConsonant(marked, r1)
  let word = step1c(step1b(step1a(step0(marked)), r1))
  word = applyRule(STEP_2, word, r1, r2)
  word = applyRule(STEP_3, word, r1, r2)
  word = applyRule(STEP_4, word, r2, r2)
  return step5(word, r1, r2)
}

/** A y that begins the word or follows a vowel is a consonant, written Y. */
function markConsonantY(word: string): string {
  let marked = ''
  for (let at = 0; at < word.length; at++) {
    const isConsonant = word.charCodeAt(at) === Y && (at === 0 || isVowel(marked.charCodeAt(at - 1)))
    marked += isConsonant ? 'Y' : word.charAt(at)
  }
  return marked
}

function startOfR1(word: string): number {
  if (isOneOf(R1_PREFIX_INITIALS, word.charCodeAt(0))) {
    for (const prefix of R1_PREFIXES) if (word.startsWith(prefix)) return prefix.length
  }
  return afterVowelAndConsonant(word, 0)
}

/** Where the region begins that follows the first consonant after a vowel; the end of the word if there is none. */
function afterVowelAndConsonant(word: string, from: number): number {
  let at = from
  while (at < word.length && !isVowel(word.charCodeAt(at))) at++
  while (at < word.length && isVowel(word.charCodeAt(at))) at++
  return Math.min(at + 1, word.length)
}

function step0(word: string): string {
  if (!word.includes("'")) return word
  for (const suffix of ["'s'", "'s", "'"]) if (word.endsWith(suffix)) return word.slice(0, -suffix.length)
  return word
}

function step1a(word: string): string {
  if (word.endsWith('ied')) return withoutIed(word)
  if (word.charCodeAt(word.length - 1) !== S) return word
  if (word.endsWith('sses')) return word.slice(0, -2)
  if (word.endsWith('ies')) return withoutIed(word)
  if (word.endsWith('us') || word.endsWith('ss')) return word
  return hasVowel(word, word.length - 2) ? word.slice(0, -1) : word
}

function withoutIed(word: string): string {
  return word.slice(0, word.length > 4 ? -2 : -1)
}

function step1b(word: string, r1: number): string {
  const base = word.endsWith('ly') ? word.slice(0, -2) : word
  if (base.endsWith('eed')) return withoutEed(word, base, r1)
  if (base.endsWith('ed')) return withoutVerbEnding(word, base.slice(0, -2), r1)
  if (!base.endsWith('ing')) return word
  const stem = base.slice(0, -3)
  if (base.length === word.length) {
    if (stem.length === 2 && stem.charCodeAt(1) === Y && !isVowel(stem.charCodeAt(0))) return `${stem.charAt(0)}ie`
    if (ING_IS_NO_SUFFIX.has(stem)) return word
  }
  return withoutVerbEnding(word, stem, r1)
}

function withoutEed(word: string, base: string, r1: number): string {
  const at = base.length - 3
  return at < r1 || EED_IS_NO_SUFFIX.has(base.slice(0, at)) ? word : base.slice(0, -1)
}

function withoutVerbEnding(word: string, stem: string, r1: number): string {
  if (!hasVowel(stem, stem.length)) return word
  if (stem.endsWith('at') || stem.endsWith('bl') || stem.endsWith('iz')) return `${stem}e`
  if (endsInDouble(stem)) return stem.length === 3 && 'aeo'.includes(stem.charAt(0)) ? stem : stem.slice(0, -1)
  return stem.length === r1 && endsInShortSyllable(stem, stem.length) ? `${stem}e` : stem
}

function step1c(word: string): string {
  const last = word.length - 1
  const code = word.charCodeAt(last)
  if ((code !== Y && code !== CONSONANT_Y) || last < 2 || isVowel(word.charCodeAt(last - 1))) return word
  return `${word.slice(0, last)}i`
}

/** Applies the rule with the longest suffix of `word`, if that begins at `region` or later. */
function applyRule(table: RuleTable, word: string, region: number, r2: number): string {
  const rules = table[word.charCodeAt(word.length - 1)]
  if (rules === undefined) return word
  for (const { suffix, by, condition } of rules) {
    if (!word.endsWith(suffix)) continue
    const at = word.length - suffix.length
    if (at < region || condition?.(word, at, r2) === false) return word
    return word.slice(0, at) + by
  }
  return word
}

function step5(word: string, r1: number, r2: number): string {
  const last = word.length - 1
  const code = word.charCodeAt(last)
  if (code === L) return last >= r2 && word.charCodeAt(last - 1) === L ? word.slice(0, last) : word
  if (code !== E) return word
  return last >= r2 || (last >= r1 && !endsInShortSyllable(word, last)) ? word.slice(0, last) : word
}

/** Whether the first `end` letters end in vowel, consonant (not w, x, Y) after a consonant or nothing. */
function endsInShortSyllable(word: string, end: number): boolean {
  if (end < 2 || isVowel(word.charCodeAt(end - 1)) || !isVowel(word.charCodeAt(end - 2))) {
    return word.endsWith('past', end)
  }
  if (end === 2) return true
  return !isVowel(word.charCodeAt(end - 3)) && !'wxY'.includes(word.charAt(end - 1))
}

function endsInDouble(word: string): boolean {
  const code = word.charCodeAt(word.length - 1)
  return code === word.charCodeAt(word.length - 2) && isOneOf(DOUBLE_BITS, code)
}

/** Whether a vowel is among the first `end` letters. */
function hasVowel(word: string, end: number): boolean {
  for (let at = 0; at < end; at++) if (isVowel(word.charCodeAt(at))) return true
  return false
}

function isVowel(code: number): boolean {
  return isOneOf(VOWEL_BITS, code)
}

function letterBits(letters: string): number {
  return Array.from(letters).reduce((bits, letter) => bits | (1 << (letter.charCodeAt(0) - LETTER_A)), 0)
}

function isOneOf(bits: number, code: number): boolean {
  return code >= LETTER_A && code <= LETTER_A + 25 && ((bits >> (code - LETTER_A)) & 1) === 1
}

function ruleTable(...lines: readonly (string | Rule)[]): RuleTable {
  const table: Rule[][] = []
  for (const rule of lines.flatMap((line) => (typeof line === 'string' ? parseRules(line) : [line]))) {
    const last = rule.suffix.charCodeAt(rule.suffix.length - 1)
    const rules = (table[last] ??= [])
    rules.push(rule)
    rules.sort((a, b) => b.suffix.length - a.suffix.length)
  }
  return table
}

function parseRules(line: string): Rule[] {
  return line.split(' ').map((rule) => {
    const [suffix = '', by = ''] = rule.split('>')
    return { suffix, by }
  })
}
