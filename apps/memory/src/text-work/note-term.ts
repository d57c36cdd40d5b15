/** Adds to the list of a term, in place: those of frequent terms are long. */
export function noteTerm(lists: Map<string, number[]>, term: string, nth: number): void {
  const list = lists.get(term)
  if (list === undefined) lists.set(term, [nth])
  else list.push(nth)
}
