import type { Command, CommandOptions } from './command.ts'

const OPTION_TEXTS: Readonly<Record<keyof CommandOptions, string>> = {
  reason: '[--reason <text>]',
  revoke: '[--revoke]',
}

/** The help text, line by line. */
export function usage(commands: readonly Command[]): string[] {
  return [
    'The operator command of Memoric: npm run memoric -- <command>',
    'In containers: docker compose exec auth node apps/auth/src/operator/main.ts <command>',
    '',
    ...commands.flatMap((command) => [`  ${synopsis(command)}`, `      ${command.summary}`]),
    '  help',
    '      this text',
    '',
    '--json answers in JSON. A reason is kept in the audit log.',
    'Ends with 0 when it is done, 1 when it cannot be done, 2 when the command is wrong, 3 when the database cannot be reached.',
  ]
}

function synopsis({ words, parameters, options }: Command): string {
  return [words, ...parameters.map((name) => `<${name}>`), ...options.map((name) => OPTION_TEXTS[name])].join(' ')
}
