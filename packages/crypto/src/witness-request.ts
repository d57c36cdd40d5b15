import { CryptoError } from './errors.ts'
import { encodeHashLines, parseHashLines } from './tlog-proof.ts'

/** What a log asks of a witness (C2SP tlog-witness, add-checkpoint). */
export interface WitnessRequest {
  /** Size of the checkpoint that the witness cosigned last; 0 when it never did. */
  readonly oldSize: number
  /** Consistency proof between that and the new checkpoint. */
  readonly proof: readonly Uint8Array[]
  /** Signed note of the new checkpoint. */
  readonly checkpoint: string
}

/** The body of the request. */
export function encodeWitnessRequest({ oldSize, proof, checkpoint }: WitnessRequest): string {
  return `old ${oldSize}\n${encodeHashLines(proof)}\n${checkpoint}`
}

/** Reads the body of such a request. @throws CryptoError `invalid_box`. */
export function parseWitnessRequest(body: string): WitnessRequest {
  const end = body.indexOf('\n\n')
  const [first = '', ...lines] = body.slice(0, Math.max(end, 0)).split('\n')
  const [, digits = ''] = /^old (0|[1-9]\d{0,15})$/.exec(first) ?? []
  if (digits === '') throw new CryptoError('invalid_box')
  return { oldSize: Number(digits), proof: parseHashLines(lines), checkpoint: body.slice(end + 2) }
}
