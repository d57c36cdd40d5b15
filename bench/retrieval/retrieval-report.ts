import { markdownTable } from '../report/table.ts'
import { QUESTION_KINDS } from './read-questions.ts'
import { type RetrievalFigures, summariseRetrieval } from './retrieval-measures.ts'
import type { AnsweredQuestion, RankingResult } from './run-retrieval.ts'

const place = /(<!-- figures -->\n)[^]*(<!-- end of figures -->)/

/** The table and what is gained, as Markdown. */
export function retrievalFigures(results: readonly RankingResult[]): string {
  return [retrievalTable(results), '', ...gainLines(results).map((line) => `- ${line}`)].join('\n')
}

/** The page with these figures in the place of those it has. Throws when it has no place for them. */
export function replaceFigures(page: string, figures: string): string {
  if (!place.test(page)) throw new Error('The page has no place for the figures')
  return page.replace(place, (_, begin: string, end: string) => `${begin}\n${figures}\n\n${end}`)
}

/** The figures as a Markdown table: a line for each kind of question and one for all; recall in per cent. */
export function retrievalTable(results: readonly RankingResult[]): string {
  const titles = results.flatMap(({ ranking }) => [`${ranking.title}: R@5`, 'R@10', 'MRR'])
  const line = (name: string, isAsked: (answer: AnsweredQuestion) => boolean) => {
    const figures = results.map(({ answers }) => summariseRetrieval(answers.filter(isAsked)))
    return [name, String(figures[0]?.questions ?? 0), ...figures.flatMap(cellsOf)]
  }
  const kinds = QUESTION_KINDS.filter((kind) => results[0]?.answers.some((answer) => answer.kind === kind) === true)
  const rows = kinds.map((kind) => line(kind, (answer) => answer.kind === kind))
  return markdownTable(['kind', 'questions', ...titles], [...rows, line('all', () => true)])
}

function cellsOf({ recallAt5, recallAt10, reciprocalRank }: RetrievalFigures): string[] {
  return [percent(recallAt5), percent(recallAt10), reciprocalRank.toFixed(3)]
}

function percent(share: number): string {
  return (share * 100).toFixed(1)
}

/** What each ranking gains over the first in recall@10, in points. */
export function gainLines(results: readonly RankingResult[]): string[] {
  const [first, ...others] = results.map(({ ranking, answers }) => ({ ranking, figures: summariseRetrieval(answers) }))
  if (first === undefined) return []
  return others.map(({ ranking, figures }) => {
    const points = (figures.recallAt10 - first.figures.recallAt10) * 100
    return `${ranking.title}: ${points < 0 ? '' : '+'}${points.toFixed(1)} points of recall@10 over ${first.ranking.title}`
  })
}

/** The figures for programs, each 0..1, with what every question found. */
export function retrievalJson(results: readonly RankingResult[]): string {
  const rankings = results.map(({ ranking, answers }) => ({
    ...ranking,
    all: summariseRetrieval(answers),
    kinds: figuresBy(answers, ({ kind }) => kind),
    conversations: figuresBy(answers, ({ conversation }) => conversation),
    answers,
  }))
  return `${JSON.stringify({ rankings }, null, 2)}\n`
}

function figuresBy(
  answers: readonly AnsweredQuestion[],
  nameOf: (answer: AnsweredQuestion) => string,
): Record<string, RetrievalFigures> {
  const groups = [...Map.groupBy(answers, nameOf)]
  return Object.fromEntries(groups.map(([name, group]) => [name, summariseRetrieval(group)]))
}
