import type { BegunWords } from './begun-words.ts'
import type { DocumentTest } from './document-tests.ts'
import type { Excluded, Query } from './parse-query.ts'
import { createTermReader, type Having, prefixFinder, termFinder } from './query-terms.ts'
import type { Segment } from './segment-format.ts'

/** What a query asks of every memory: the words of its phrases, and none of what it excludes, but for the order of words. */
export function queryTests(segment: Segment, { phrases, excluded, begun }: Query): DocumentTest[] {
  const required = [...new Set(phrases.flat())]
  const tests = excluded.flatMap((each) => isWithout(segment, each, begun))
  return required.length === 0 ? tests : [hasAllTerms(segment, required), ...tests]
}

/** Nothing for a phrase: only the text tells. */
function isWithout(segment: Segment, excluded: Excluded, begun: BegunWords | undefined): DocumentTest[] {
  if ('prefix' in excluded)
    return [not(hasEach(segment, [prefixFinder(segment.seed, excluded.prefix, begun)(segment)]))]
  const terms = 'terms' in excluded ? excluded.terms : excluded.phrase
  return 'phrase' in excluded && terms.length > 1 ? [] : [not(hasAllTerms(segment, [...new Set(terms)]))]
}

function not(test: DocumentTest): DocumentTest {
  return (document) => !test(document)
}

function hasAllTerms(segment: Segment, texts: readonly string[]): DocumentTest {
  return hasEach(
    segment,
    texts.map((text) => termFinder(segment.seed, text)(segment)),
  )
}

/** Whether a document has each of some things. */
function hasEach(segment: Segment, groups: readonly Having[]): DocumentTest {
  if (groups.some(({ terms, more }) => terms.length === 0 && more === undefined)) return () => false
  const reader = createTermReader(segment.documents)
  const had = new Uint16Array(segment.documents)
  for (const [at, having] of groups.entries()) {
    const count = reader.read(segment, having)
    for (let place = 0; place < count; place++) {
      const document = reader.postings.documents[place] ?? 0
      if (had[document] === at) had[document] = at + 1
    }
  }
  return (document) => had[document] === groups.length
}
