import { relative } from 'node:path'
import type { Home } from './home.ts'

/** What a person reads when the stack is ready: where it is, and two commands that work as they stand. */
export function greeting(url: string, home: Home, folder: string): string {
  const header = shellWord(shortPath(home.apiKeyHeader, folder))
  const call = (path: string, body: string) =>
    `  curl -s ${url}${path} -H @${header} -H 'content-type: application/json' \\\n    -d '${body}'`
  return [
    '',
    `Memoric is ready: ${url}   (API description: ${url}/docs)`,
    `Credentials:      ${shortPath(home.credentials, folder)}`,
    `Logs:             ${shortPath(home.logs, folder)}`,
    '',
    'Store a memory:',
    call('/v1/memories', '{"content":"Ada prefers tea to coffee","subject_id":"ada"}'),
    'Find it:',
    call('/v1/memories/search', '{"query":"what does Ada drink: tea?","subject_id":"ada"}'),
    '',
    'Ctrl-C stops everything.',
    '',
  ].join('\n')
}

/** Relative to the folder if it lies in it. */
export function shortPath(path: string, folder: string): string {
  const short = relative(folder, path)
  return short.startsWith('..') ? path : short
}

function shellWord(text: string): string {
  return /^[\w./@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
