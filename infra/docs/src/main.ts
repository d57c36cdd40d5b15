import { readFile, writeFile } from 'node:fs/promises'
import { asyncApiDocument } from '@memoric/contracts/asyncapi.ts'
import { openApiDocument } from '@memoric/contracts/openapi.ts'
import { API_VERSION } from '@memoric/contracts/version.ts'
import { configurationPage } from './configuration-page.ts'
import { detectionsPage } from './detections-page.ts'
import { eventsPage } from './events-page.ts'
import { errorsPage, permissionsPage } from './reference-pages.ts'

const DOCS = new URL('../../../docs/', import.meta.url)

const pages: Readonly<Record<string, string>> = {
  'openapi.json': json(openApiDocument(API_VERSION)),
  'asyncapi.json': json(asyncApiDocument(API_VERSION)),
  'configuration.md': configurationPage(),
  'detections.md': detectionsPage(),
  'errors.md': errorsPage(),
  'events.md': eventsPage({ sse: await example('follow-events.mjs'), nats: await example('nats-events.mjs') }),
  'permissions.md': permissionsPage(),
}

function example(name: string): Promise<string> {
  return readFile(new URL(`examples/${name}`, DOCS), 'utf8')
}

function json(document: unknown): string {
  return JSON.stringify(document, null, 2) + '\n'
}

async function isCurrent(name: string, text: string): Promise<boolean> {
  return (await readFile(new URL(name, DOCS), 'utf8').catch(() => '')) === text
}

const stale: string[] = []
for (const [name, text] of Object.entries(pages)) {
  if (await isCurrent(name, text)) continue
  stale.push(name)
  if (!process.argv.includes('--check')) await writeFile(new URL(name, DOCS), text)
}

if (process.argv.includes('--check') && stale.length > 0) {
  process.stderr.write(`Generated files are out of date: ${stale.join(', ')}. Run: pnpm generate\n`)
  process.exitCode = 1
} else {
  process.stdout.write(stale.length > 0 ? `Written: ${stale.join(', ')}\n` : 'Generated files are up to date.\n')
}
