import type { Attack } from '../attack.ts'
import { API_KEY_ATTACKS } from './api-key-attacks.ts'
import { BODY_ATTACKS } from './body-attacks.ts'
import { BROWSER_ATTACKS } from './browser-attacks.ts'
import { CLIENT_TOKEN_ATTACKS } from './client-token-attacks.ts'
import { FOREIGN_ID_ATTACKS } from './foreign-id-attacks.ts'
import { HEADER_ATTACKS } from './header-attacks.ts'
import { LOG_ATTACKS } from './log-attacks.ts'
import { MAILED_TOKEN_ATTACKS } from './mailed-token-attacks.ts'
import { METHOD_ATTACKS } from './method-attacks.ts'
import { PATH_ATTACKS } from './path-attacks.ts'
import { SECOND_FACTOR_ATTACKS } from './second-factor-attacks.ts'
import { SESSION_ATTACKS } from './session-attacks.ts'
import { SLOW_CLIENT_ATTACKS } from './slow-client-attacks.ts'
import { SMUGGLING_ATTACKS } from './smuggling-attacks.ts'
import { SSO_ATTACKS } from './sso-attacks.ts'
import { STATEMENT_ATTACKS } from './statement-attacks.ts'
import { TOKEN_ATTACKS } from './token-attacks.ts'

/** Every attack, in the order in which they run: the logs are read at the end. */
export const ATTACKS: readonly Attack[] = [
  ...TOKEN_ATTACKS,
  ...API_KEY_ATTACKS,
  ...CLIENT_TOKEN_ATTACKS,
  ...SESSION_ATTACKS,
  ...SECOND_FACTOR_ATTACKS,
  ...SSO_ATTACKS,
  ...MAILED_TOKEN_ATTACKS,
  ...HEADER_ATTACKS,
  ...PATH_ATTACKS,
  ...METHOD_ATTACKS,
  ...SMUGGLING_ATTACKS,
  ...BODY_ATTACKS,
  ...FOREIGN_ID_ATTACKS,
  ...STATEMENT_ATTACKS,
  ...BROWSER_ATTACKS,
  ...SLOW_CLIENT_ATTACKS,
  ...LOG_ATTACKS,
]
