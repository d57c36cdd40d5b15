import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { type Commit, listFiles, readCommits } from './demo-git.ts'
import { type Passage, splitMarkdown } from './demo-markdown.ts'

/** Something to remember, as POST /v1/memories takes it, with where it comes from. */
export interface SourceItem {
  content: string
  topic?: string
  occurred_at?: string
  metadata: Record<string, string | number | null>
}

/** Characters of a memory: even in four bytes each below the limit of 32 KiB. */
const LONGEST = 8000
const LONGEST_TOPIC = 128

/** Every paragraph of the project's Markdown files and every commit message of its history. */
export async function readProject(root: string): Promise<SourceItem[]> {
  const files = (await listFiles(root, '.md')) ?? (await walkFolder(root, root))
  const passages = await Promise.all(files.map((file) => readPassages(root, file)))
  return [...passages.flat(), ...(await readCommits(root)).flatMap(ofCommit)]
}

/** A file that git lists may be gone from the folder. */
async function readPassages(root: string, file: string): Promise<SourceItem[]> {
  const markdown = await readFile(join(root, file), 'utf8').catch(() => '')
  return splitMarkdown(markdown).flatMap((passage) => ofPassage(file, passage))
}

function ofPassage(file: string, { line, heading, text }: Passage): SourceItem[] {
  const topic = heading === null ? {} : { topic: Array.from(heading).slice(0, LONGEST_TOPIC).join('') }
  return pieces(text).map((content) => ({ content, ...topic, metadata: { file, line, heading } }))
}

function ofCommit({ id, authorDate, commitDate, message }: Commit): SourceItem[] {
  const metadata = { commit: id, author_date: authorDate }
  return pieces(message).map((content) => ({ content, occurred_at: commitDate, metadata }))
}

function pieces(text: string): string[] {
  const characters = Array.from(text.toWellFormed().replaceAll('\0', ''))
  const count = Math.ceil(characters.length / LONGEST)
  const cut = Array.from({ length: count }, (_, at) => characters.slice(at * LONGEST, (at + 1) * LONGEST).join(''))
  return cut.filter((piece) => piece.trim() !== '')
}

async function walkFolder(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name)
      if (entry.name.startsWith('.') || entry.name === 'node_modules') return []
      if (entry.isDirectory()) return walkFolder(root, path)
      return entry.isFile() && entry.name.endsWith('.md') ? [relative(root, path).replaceAll(sep, '/')] : []
    }),
  )
  return found.flat().sort()
}
