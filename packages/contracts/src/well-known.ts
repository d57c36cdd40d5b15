/** Where the public keys of receipts are, at the gateway and at memory: a C2SP verifier key a line, the current one first. */
export const RECEIPT_KEY_PATH = '/.well-known/memoric-receipt-key'

/** Where the public keys of the audit log are, at the gateway and at audit, in the same form. */
export const AUDIT_KEY_PATH = '/.well-known/memoric-audit-key'
