import type { DemoAnswer, DemoMemory } from './demo-client.ts'

const WIDTH = 200

/** A question with its best answers, as a person reads it; `elapsed` in ms. */
export function answerText(question: string, { results }: DemoAnswer, elapsed: number): string {
  const found = results.length === 0 ? ['   nothing found'] : results.map(resultText)
  return [`${question}   (${elapsed.toFixed(1)} ms)`, ...found, ''].join('\n')
}

function resultText({ memory, score }: DemoAnswer['results'][number]): string {
  return `   ${score.toFixed(3)}  ${sourceText(memory.metadata)}\n          ${shorten(memory.content, WIDTH)}`
}

/** Where a memory comes from, by its metadata. */
export function sourceText(metadata: DemoMemory['metadata']): string {
  const { file, line, heading, commit, author_date: authorDate } = metadata
  if (typeof commit === 'string') return `commit ${commit.slice(0, 12)}, ${String(authorDate).slice(0, 10)}`
  const place = `${String(file)}:${String(line)}`
  return typeof heading === 'string' ? `${place}  (${heading})` : place
}

/** On one line, cut at a word if it is longer than `width` characters. */
export function shorten(text: string, width: number): string {
  const line = text.replace(/\s+/g, ' ').trim()
  if (line.length <= width) return line
  const cut = line.slice(0, width - 1)
  const space = cut.lastIndexOf(' ')
  return `${space > width / 2 ? cut.slice(0, space) : cut}…`.toWellFormed()
}
