/** A text that is summarised; of one subject, like all that are summarised with it. */
export interface SourceText {
  readonly id: string
  readonly text: string
}

/** A sentence of a summary, and the text that it was taken from; null where it tells of several. */
export interface SummarySentence {
  readonly text: string
  readonly sourceId: string | null
}

export interface Summary {
  readonly sentences: readonly SummarySentence[]
  /** How it was made: `extractive`, or the name of a model. */
  readonly method: string
}

export interface SummariseOptions {
  /** Most characters of all sentences together, UTF-16 units. */
  readonly maxCharacters: number
}

/** Tells what matters of some texts, which stand in their order of time. */
export interface Summariser {
  summarise(sources: readonly SourceText[], options: SummariseOptions): Promise<Summary>
}

/** The sentences as one text, a line each. */
export function textOf({ sentences }: Summary): string {
  return sentences.map(({ text }) => text).join('\n')
}
