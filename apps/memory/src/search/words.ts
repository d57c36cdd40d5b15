import { stemEnglish } from './stem-english.ts'

/** Longest term of the index, UTF-16 units; what follows is cut. */
const MAX_TERM_LENGTH = 64

/**
 * V8 copies slices up to this length; a longer one keeps the whole text alive that it was cut from, so it must not
 * become a key of the memo.
 */
const MAX_MEMO_LENGTH = 12
const MAX_MEMO_WORDS = 20_000

const ASCII_ONLY = /^\p{ASCII}*$/u

/**
 * Accents and optional vowel signs. Marks of Indic and Southeast Asian scripts spell the word, and the voicing marks of
 * Japanese make another syllable, so those stay.
 */
const ACCENTS = /[[\p{M}&&[\p{sc=Inherited}\p{sc=Hebrew}\p{sc=Arabic}\p{sc=Cyrillic}]]--[\u3099\u309a]]+/gv

/** Would become letters of the word before. */
const TRADE_MARKS = /[™℠]/g

/** Letters that Unicode does not decompose, other apostrophes, and what has no sound: soft hyphen, tatweel. */
const FOLDED: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
  ς: 'σ',
  '\u2019': "'",
  '\u02bc': "'",
  '\u00ad': '',
  '\u0640': '',
}
const TO_FOLD = new RegExp(`[${Object.keys(FOLDED).join('')}]`, 'gv')

/** Scripts without spaces whose every pair of neighbouring characters is a term. */
const CJK = String.raw`[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}]`

/** Scripts without spaces whose words a dictionary tells. */
const SOUTHEAST_ASIAN = String.raw`[\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]`

/** Words of Korean carry their particles. */
const HANGUL = String.raw`\p{sc=Hangul}`

const OWN_WAY = String.raw`[${CJK}${SOUTHEAST_ASIAN}${HANGUL}]`
const CJK_RUN = String.raw`[${CJK}&&[\p{L}\p{M}\p{Nl}]]+`
const HANGUL_RUN = String.raw`[${HANGUL}&&[\p{L}\p{M}]]+`
const SOUTHEAST_ASIAN_RUN = String.raw`[${SOUTHEAST_ASIAN}&&[\p{L}\p{M}]]+`
const INNER_JOINER = String.raw`[\u200c\u200d](?=[\p{L}\p{M}])`
const OTHER_WORD = String.raw`[[\p{L}\p{N}]--${OWN_WAY}](?:[[\p{L}\p{M}\p{N}']--${OWN_WAY}]|${INNER_JOINER})*`

/** Runs of those scripts, a group each, or words of any other with their apostrophes and joiners. */
const RUNS = new RegExp(`(${CJK_RUN})|(${HANGUL_RUN})|(${SOUTHEAST_ASIAN_RUN})|${OTHER_WORD}`, 'gv')

/** A character with the marks on it. */
const CHARACTERS = /\P{M}\p{M}*|\p{M}+/gu
const HAN = /^\p{sc=Han}/u

/** Particles of Korean that one syllable writes. */
const PARTICLES = new Set('은는이가을를의에도와과로만')

/** Endings of English that an apostrophe sets off: user's, they'll. */
const CONTRACTED = /(?<=[\p{L}\p{N}])'(?:s|ll|re|ve|d|m)(?=$|')/gu

/** Apostrophes within one word: don't, o'brien. */
const INNER_APOSTROPHE = /(?<=n)'(?=t(?:$|'))|(?<=^'*o)'(?=\p{L}{2})/gu

let segmenter: Intl.Segmenter | undefined

const LETTER = 1
const DIGIT = 2
const APOSTROPHE = 4

/** What each ASCII code is, in lower case; 0 for what stands between words. */
const ASCII_KINDS = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (/[a-z]/.test(character)) return LETTER
  if (/\d/.test(character)) return DIGIT
  return character === "'" ? APOSTROPHE : 0
})

/** What a word in lower-case ASCII letters is found by. */
type TermOf = (word: string) => string

const stems = new Map<string, string>()

/**
 * The terms under which a text is found, in order: lower case, without accents, English words by their stem.
 * Identifiers, addresses and numbers come apart at everything that is neither letter nor digit.
 */
export function words(text: string): string[] {
  return termsOf(text, stemOf)
}

/** The same without stems, one for each of them. */
export function wholeWords(text: string): string[] {
  return termsOf(text, cut)
}

function termsOf(text: string, termOf: TermOf): string[] {
  const terms: string[] = []
  if (ASCII_ONLY.test(text)) addAsciiTerms(terms, text.toLowerCase(), termOf)
  else addTerms(terms, fold(text), termOf)
  return terms
}

/** Terms so common that they tell nothing. */
export const STOP_WORDS: ReadonlySet<string> = new Set(
  words(
    `a an the this that these those
    i me my mine myself we our ours you your yours he him his she her hers it its they them their theirs
    am is are was were be been being do does did doing have has had having
    can could would should shall might must
    and or but if than then so because as of at by for with from to in on into about
    what which who whom whose when where why how there here
    not no nor very just also too
    don't doesn't didn't isn't aren't wasn't weren't can't couldn't won't wouldn't shouldn't haven't hasn't hadn't`,
  ),
)

/** The unique terms of a query in order, without stop words unless there is nothing else. */
export function queryWords(text: string): string[] {
  return withoutStopWords(words(text))
}

/** Each term once, without stop words unless there is nothing else. */
export function withoutStopWords(terms: readonly string[]): string[] {
  const all = [...new Set(terms)]
  const telling = all.filter((word) => !STOP_WORDS.has(word))
  return telling.length > 0 ? telling : all
}

/** The one word that a text is, folded and not stemmed; undefined for none, several, or one of a script that is taken in pairs. */
export function wholeWord(text: string): string | undefined {
  const folded = fold(text)
  const [[word, cjk, korean] = [], ...others] = [...folded.matchAll(RUNS)]
  const isWhole = word === folded && others.length === 0 && cjk === undefined && korean === undefined
  return isWhole && !folded.includes("'") ? cut(folded) : undefined
}

function fold(text: string): string {
  return text
    .replace(TRADE_MARKS, ' ')
    .normalize('NFKD')
    .replace(ACCENTS, '')
    .toLowerCase()
    .replace(TO_FOLD, (character) => FOLDED[character] ?? character)
    .normalize('NFC')
}

function addTerms(terms: string[], text: string, termOf: TermOf): void {
  for (const [run, cjk, korean, southeastAsian] of text.matchAll(RUNS)) {
    if (cjk !== undefined) addPairs(terms, cjk, (character) => HAN.test(character))
    else if (korean !== undefined) addKorean(terms, korean)
    else if (southeastAsian !== undefined) addSegments(terms, southeastAsian)
    else if (ASCII_ONLY.test(run)) addAsciiTerms(terms, run, termOf)
    else terms.push(...withoutApostrophes(run).map(cut))
  }
}

/** Every two characters that follow each other, whatever words they belong to, and those that mean something alone. */
function addPairs(terms: string[], run: string, standsAlone: (character: string) => boolean): void {
  const characters = run.match(CHARACTERS) ?? []
  for (const [at, character] of characters.entries()) {
    const next = characters[at + 1]
    if (characters.length === 1 || standsAlone(character)) terms.push(cut(character))
    if (next !== undefined) terms.push(cut(character + next))
  }
}

/** A noun of one syllable is found with its particle, too. */
function addKorean(terms: string[], word: string): void {
  const isShort = word.length === 2 && PARTICLES.has(word.slice(1))
  addPairs(terms, word, (character) => isShort && word.startsWith(character))
}

function addSegments(terms: string[], text: string): void {
  // The dictionaries go with the script, not with the language named here. Made when it is needed: it takes some milliseconds.
  segmenter ??= new Intl.Segmenter('th', { granularity: 'word' })
  for (const { segment, isWordLike } of segmenter.segment(text)) {
    if (isWordLike === true) terms.push(cut(segment))
  }
}

/** Takes the words of a lower-case ASCII text. */
function addAsciiTerms(terms: string[], text: string, termOf: TermOf): void {
  let start = 0
  let kinds = 0
  for (let at = 0; at <= text.length; at++) {
    const kind = ASCII_KINDS[text.charCodeAt(at)] ?? 0
    if (kind !== 0) {
      kinds |= kind
      continue
    }
    if (kinds !== 0) addAsciiWord(terms, text.slice(start, at), kinds, termOf)
    start = at + 1
    kinds = 0
  }
}

function addAsciiWord(terms: string[], word: string, kinds: number, termOf: TermOf): void {
  if (kinds === LETTER) terms.push(termOf(word))
  else if ((kinds & APOSTROPHE) === 0) terms.push(cut(word))
  else for (const part of withoutApostrophes(word)) addAsciiTerms(terms, part, termOf)
}

function withoutApostrophes(word: string): string[] {
  const parts = word.replace(CONTRACTED, '').replace(INNER_APOSTROPHE, '').split("'")
  return parts.filter((part) => part !== '')
}

function stemOf(word: string): string {
  if (word.length > MAX_MEMO_LENGTH) return stemEnglish(cut(word))
  const known = stems.get(word)
  if (known !== undefined) return known
  const stem = stemEnglish(word)
  if (stems.size === MAX_MEMO_WORDS) stems.clear()
  stems.set(word, stem)
  return stem
}

function cut(word: string): string {
  if (word.length <= MAX_TERM_LENGTH) return word
  const term = word.slice(0, MAX_TERM_LENGTH)
  return term.isWellFormed() ? term : term.slice(0, -1)
}
