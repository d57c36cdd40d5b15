import { hashOf, keyFileName, readHashes, readKey } from './service-key-files.ts'

/** A table of who may call which of `apps`, and with how many keys; no key and no hash is in it. */
export async function listServiceKeys(folder: string, apps: readonly string[]): Promise<string> {
  const lines = [['for', 'caller', 'keys', '']]
  for (const app of apps) {
    for (const [caller, hashes] of Object.entries(await readHashes(folder, app))) {
      const key = await readKey(folder, keyFileName({ caller, app }))
      lines.push([app, caller, String(hashes.length), noteOn(key === null ? null : hashOf(key), hashes)])
    }
  }
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function noteOn(current: string | null, hashes: readonly string[]): string {
  if (hashes.length > 1) return 'being rotated'
  if (current === null) return 'its key is not kept here'
  return hashes.includes(current) ? '' : 'the key that is kept here is not taken'
}
