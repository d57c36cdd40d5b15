export const QUESTION_KINDS = ['paraphrase', 'date', 'name', 'multi-hop', 'changed'] as const
export type QuestionKind = (typeof QUESTION_KINDS)[number]

export interface Question {
  readonly text: string
  readonly kind: QuestionKind
  /** Ids of the turns that say the answer, or a part of it. */
  readonly evidence: readonly string[]
}

/** Reads questions, `What did Ana buy? | paraphrase | m12 m40` a line. Throws with the number of the line that is not as it should be. */
export function readQuestions(name: string, text: string, turnIds: ReadonlySet<string>): Question[] {
  const lines = text.trimEnd().split('\n')
  return lines.map((line, at) => {
    try {
      return readQuestion(line, turnIds)
    } catch (cause) {
      throw new Error(`${name}, question ${at + 1}: ${cause instanceof Error ? cause.message : ''}`, { cause })
    }
  })
}

function readQuestion(line: string, turnIds: ReadonlySet<string>): Question {
  const [text = '', kindName = '', ids = '', ...rest] = line.split(' | ')
  const kind = QUESTION_KINDS.find((known) => known === kindName)
  if (!text.endsWith('?') || text !== text.trim() || rest.length > 0) throw new Error('is "text? | kind | evidence"')
  if (kind === undefined) throw new Error(`"${kindName}" is no kind; known are ${QUESTION_KINDS.join(', ')}`)
  const evidence = ids.split(' ')
  const unknown = evidence.find((id) => !turnIds.has(id))
  if (unknown !== undefined) throw new Error(`"${unknown}" is no turn`)
  if (new Set(evidence).size < evidence.length) throw new Error('names a turn twice')
  if (kind === 'multi-hop' && evidence.length < 2) throw new Error('needs two turns for its kind')
  return { text, kind, evidence }
}
