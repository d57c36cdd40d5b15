import type { Summariser } from './summarise.ts'
import { checkSummary } from './check-summary.ts'
import { DATA_RULES, frameTexts } from './frame-texts.ts'
import { ModelError, type TextModel } from './text-model.ts'

/** Characters that a model is given at once. */
const MOST_CHARACTERS = 60_000
/** Characters that a token stands for at least, about, in the languages that have the shortest ones. */
const CHARACTERS_A_TOKEN = 2

const INSTRUCTIONS = [
  'You shorten notes.',
  DATA_RULES,
  'Report only what the notes say, in their language, in plain sentences, without adding names, numbers or opinions.',
].join('\n')

/** Has a model write the summary, and takes it only if it is short enough and names nothing that the texts do not. */
export function createModelSummariser(model: TextModel): Summariser {
  return {
    async summarise(sources, { maxCharacters }) {
      const texts = sources.map(({ text }) => text)
      const data = frameTexts(texts)
      if (data.length > MOST_CHARACTERS) throw new ModelError('there is more to summarise than a model is given')
      const instructions = `${INSTRUCTIONS}\nWrite at most ${maxCharacters} characters.`
      const answer = await model.ask({
        instructions,
        data,
        maxTokens: Math.ceil(maxCharacters / CHARACTERS_A_TOKEN),
      })
      const text = answer.trim()
      const fault = checkSummary(text, texts, maxCharacters)
      if (fault !== null) throw new ModelError(`the summary of the model ${fault}`)
      return { sentences: [{ text, sourceId: null }], method: model.name }
    },
  }
}
