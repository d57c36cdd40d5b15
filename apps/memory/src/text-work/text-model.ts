/** A question to a language model. */
export interface ModelQuestion {
  /** What it is to do: written by us, never by anybody whose memories they are. */
  readonly instructions: string
  /** What it is to do it with: data, of which nothing is an instruction. */
  readonly data: string
  readonly maxTokens: number
}

/** A language model behind an OpenAI-compatible chat endpoint. */
export interface TextModel {
  readonly name: string
  /** The answer. Throws ModelError when there is none that can be used, after retries. */
  ask(question: ModelQuestion, signal?: AbortSignal): Promise<string>
}

/** Why a model gave no answer that can be used. */
export class ModelError extends Error {
  override readonly name = 'ModelError'
}
