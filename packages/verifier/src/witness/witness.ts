import { equalBytes } from '@memoric/crypto/bytes.ts'
import { parseCheckpoint } from '@memoric/crypto/checkpoint.ts'
import { CryptoError } from '@memoric/crypto/errors.ts'
import { type TreeHead, verifyConsistency } from '@memoric/crypto/merkle-proof.ts'
import { type NoteSigner, type NoteVerifier, verifyNote } from '@memoric/crypto/signed-note.ts'
import { parseWitnessRequest, type WitnessRequest } from '@memoric/crypto/witness-request.ts'

/** Where a witness keeps what it cosigned last of each log. */
export interface WitnessStore {
  /** Signed note of the checkpoint; undefined when there was none. */
  read(origin: string): Promise<string | undefined>
  /** Resolves once it will survive a crash. */
  write(origin: string, note: string): Promise<void>
}

export interface WitnessAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** Cosigns checkpoints that continue what it cosigned before (C2SP tlog-witness). */
export interface Witness {
  /** Answers the body of an add-checkpoint request. */
  addCheckpoint(body: string): Promise<WitnessAnswer>
}

export interface WitnessOptions {
  /** A signer that cosigns. */
  readonly signer: NoteSigner
  /** Keys of the logs that it knows. */
  readonly logs: readonly NoteVerifier[]
  readonly store: WitnessStore
}

/** Of requests at the same time it answers one after the other: what one has seen is kept before the next is looked at. */
export function createWitness({ signer, logs, store }: WitnessOptions): Witness {
  let last: Promise<unknown> = Promise.resolve()

  async function answer(body: string): Promise<WitnessAnswer> {
    const request = parse(body)
    if (request === undefined) return refuse(400)
    const { oldSize, checkpoint, head } = request
    if (!logs.some(({ name }) => name === head.origin)) return refuse(404)
    if (!isSigned(checkpoint, head.origin, logs)) return refuse(403)
    if (oldSize > head.size) return refuse(400)
    const note = await store.read(head.origin)
    const before = note === undefined ? undefined : parseCheckpoint(note)
    if (oldSize !== (before?.size ?? 0)) return conflict(before?.size ?? 0)
    const refusal = before === undefined ? undefined : refusalOf(before, head, request)
    if (refusal !== undefined) return refusal
    await store.write(head.origin, checkpoint)
    return { status: 200, contentType: 'text/plain; charset=utf-8', body: cosignature(signer, checkpoint) }
  }

  return {
    addCheckpoint(body) {
      const answered = last.then(() => answer(body))
      last = answered.catch(() => undefined)
      return answered
    },
  }
}

function parse(body: string): (WitnessRequest & { readonly head: TreeHead & { readonly origin: string } }) | undefined {
  try {
    const request = parseWitnessRequest(body)
    return { ...request, head: parseCheckpoint(request.checkpoint) }
  } catch (error) {
    if (error instanceof CryptoError) return undefined
    throw error
  }
}

function isSigned(note: string, origin: string, logs: readonly NoteVerifier[]): boolean {
  try {
    return verifyNote(note, logs).some(({ name, time }) => name === origin && time === undefined)
  } catch (error) {
    if (error instanceof CryptoError) return false
    throw error
  }
}

/** Undefined when the new state continues the old one. */
function refusalOf(before: TreeHead, head: TreeHead, { proof }: WitnessRequest): WitnessAnswer | undefined {
  if (before.size === head.size && !equalBytes(before.root, head.root)) return conflict(before.size)
  const continues = before.size === 0 ? proof.length === 0 : verifyConsistency(before, head, proof)
  return continues ? undefined : refuse(422)
}

/** The line that the signer adds. */
function cosignature(signer: NoteSigner, checkpoint: string): string {
  return signer.sign(checkpoint).slice(checkpoint.length)
}

function refuse(status: number): WitnessAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body: '' }
}

function conflict(size: number): WitnessAnswer {
  return { status: 409, contentType: 'text/x.tlog.size', body: `${size}\n` }
}
