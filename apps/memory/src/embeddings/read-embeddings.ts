import { z } from 'zod'
import { EmbeddingError } from './embedding-error.ts'

/** More than any model has. */
const MOST_DIMENSIONS = 16_384

const answer = z.object({
  data: z.array(
    z.object({
      index: z.int().min(0).optional(),
      embedding: z.array(z.number()).min(1).max(MOST_DIMENSIONS),
    }),
  ),
})

/** The vectors of an answer in the order of the texts: each finite, none zero, all of the same dimensions. Throws EmbeddingError. */
export function readEmbeddings(text: string, count: number, dimensions: number | undefined): readonly number[][] {
  const { data } = parse(text)
  const vectors: (number[] | undefined)[] = Array.from({ length: count })
  for (const [at, { index = at, embedding }] of data.entries()) {
    if (index >= count || vectors[index] !== undefined) throw broken()
    vectors[index] = embedding
  }
  const complete = vectors.filter((vector) => vector !== undefined)
  if (complete.length !== count) throw broken()
  const expected = dimensions ?? complete[0]?.length
  if (complete.some(({ length }) => length !== expected)) {
    throw new EmbeddingError('misconfigured', 'the endpoint of embeddings gives vectors of other dimensions')
  }
  if (!complete.every(hasDirection)) throw broken()
  return complete
}

function parse(text: string): z.output<typeof answer> {
  try {
    return answer.parse(JSON.parse(text))
  } catch {
    // What cannot be read may be a text, which the error of the parser would quote.
    throw broken()
  }
}

function hasDirection(vector: readonly number[]): boolean {
  return vector.every(Number.isFinite) && vector.some((element) => element !== 0)
}

/** Perhaps cut off on its way: worth another try. */
function broken(): EmbeddingError {
  return new EmbeddingError('away', 'the answer of the endpoint of embeddings cannot be read')
}
