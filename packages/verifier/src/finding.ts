/** What is wrong with a log. */
export type FindingKind =
  /** A line says something else than what was signed. */
  | 'changed'
  /** Lines are missing that were there. */
  | 'deleted'
  /** A line is there that was never signed at its place. */
  | 'inserted'
  /** A line stands at another place than the one it was signed at. */
  | 'reordered'
  /** Personal data that is not what the line commits to. */
  | 'personal_changed'
  /** What is there does not give the signed root. */
  | 'wrong_root'
  /** The checkpoint is not signed by a key that is trusted. */
  | 'not_signed'
  /** Two signed states of which neither continues the other. */
  | 'forked'
  /** The checkpoint is older than the one that was seen last. */
  | 'rolled_back'
  /** It could not be shown that the log continues the state that was seen last. */
  | 'not_consistent'
  /** It is not in the form that it should have. */
  | 'malformed'
  /** The end is missing. */
  | 'cut_off'

/** One thing that is wrong, and where. */
export interface Finding {
  kind: FindingKind
  message: string
  /** Line of the file, from 1. */
  readonly line?: number
  readonly log_index?: number
  readonly event_id?: string
}
