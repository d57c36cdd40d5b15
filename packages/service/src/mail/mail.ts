/** A mail in plain text to one address. */
export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
}

/** A way for mails to leave. */
export interface MailSender {
  /** Rejects when the mail did not leave, with MailRefused when it never will; also when `signal` says to stop. No error names the address. */
  send(mail: Mail, signal: AbortSignal): Promise<void>
}

/** The mail did not leave. What servers say is not repeated: they like to name the address. */
export class MailNotSent extends Error {
  override readonly name: string = 'MailNotSent'
}

/** Nobody takes mail for this address: trying again does not help. */
export class MailRefused extends MailNotSent {
  override readonly name = 'MailRefused'
}
