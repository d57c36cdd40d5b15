/** A citation that takes as many tokens as any. */
export const SOME_CITATION = 100
