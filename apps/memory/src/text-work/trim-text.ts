/** What stands at the end of a text that was cut. */
const CUT = '…'
/** A cut at the end of a sentence or a word may take away this share of what would fit. */
const LOSS = 0.4

/** Makes texts shorter. */
export interface Trimmer {
  /** The text, of at most `maxCharacters` code points. */
  trim(text: string, maxCharacters: number): string
}

/** Leaves every text as it is. */
export const noTrimmer: Trimmer = { trim: (text) => text }

/** Keeps the beginning, up to the end of a sentence where there is one, or of a word. */
export const sentenceTrimmer: Trimmer = {
  trim(text, maxCharacters) {
    const characters = Array.from(text)
    if (characters.length <= maxCharacters) return text
    const fitting = characters.slice(0, maxCharacters - CUT.length).join('')
    const part = cutAt(fitting, text, 'sentence') ?? cutAt(fitting, text, 'word')
    return `${part ?? fitting.slice(0, boundaryBefore(fitting, text, 'grapheme'))}${CUT}`
  },
}

type Granularity = 'grapheme' | 'word' | 'sentence'

/** The longest part of `fitting` that ends where a segment of the text ends; undefined when that would lose too much. */
function cutAt(fitting: string, text: string, granularity: Granularity): string | undefined {
  const part = fitting.slice(0, boundaryBefore(fitting, text, granularity)).trimEnd()
  return part.length >= fitting.length * (1 - LOSS) ? part : undefined
}

function boundaryBefore(fitting: string, text: string, granularity: Granularity): number {
  const segmenter = new Intl.Segmenter('und', { granularity })
  return segmenter.segment(text).containing(fitting.length)?.index ?? 0
}
