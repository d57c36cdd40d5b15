import { execFileSync } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseCommits, readCommits } from '../src/demo-git.ts'
import { readProject } from '../src/demo-sources.ts'
import { temporaryFolder } from './temporary-folder.ts'

const id = 'a'.repeat(40)
const date = '2026-03-04T05:06:07+00:00'

/** Git with nobody's name, at a fixed time; the rest of the environment is inherited. */
function git(folder: string, ...args: string[]): void {
  const settings = ['user.name=Nobody', 'user.email=nobody@localhost', 'commit.gpgsign=false']
  const dates = [`GIT_AUTHOR_DATE=${date}`, `GIT_COMMITTER_DATE=${date}`]
  const command = [...dates, 'git', ...settings.flatMap((setting) => ['-c', setting]), ...args]
  execFileSync('env', command, { cwd: folder, stdio: 'pipe' })
}

async function makeProject(folder: string): Promise<void> {
  await mkdir(join(folder, 'docs'), { recursive: true })
  await mkdir(join(folder, 'node_modules/x'), { recursive: true })
  await writeFile(join(folder, 'README.md'), '# Title\n\nHello.\n')
  await writeFile(join(folder, 'docs/guide.md'), 'Guide.\n')
  await writeFile(join(folder, 'docs/notes.txt'), 'Notes.\n')
  await writeFile(join(folder, 'node_modules/x/README.md'), 'Not ours.\n')
  await writeFile(join(folder, '.gitignore'), 'node_modules\n')
}

const paragraphs = [
  { content: 'Hello.', topic: 'Title', metadata: { file: 'README.md', line: 3, heading: 'Title' } },
  { content: 'Guide.', metadata: { file: 'docs/guide.md', line: 1, heading: null } },
]

test('a commit has its id, its dates and its whole message', () => {
  const output = `${id}\n${date}\n${date}\narea: what\n\nwhy, and\nmore\n\0${id}\n${date}\n${date}\nnext\n`
  expect(parseCommits(output)).toEqual([
    { id, authorDate: date, commitDate: date, message: 'area: what\n\nwhy, and\nmore' },
    { id, authorDate: date, commitDate: date, message: 'next' },
  ])
})

test('commits without a message, and what is no commit, are left out', () => {
  expect(parseCommits('')).toEqual([])
  expect(parseCommits(`${id}\n${date}\n${date}\n\n\0warning: something`)).toEqual([])
})

test('a project is its paragraphs and its commit messages, dated as they were committed', async () => {
  const folder = await temporaryFolder()
  await makeProject(folder)
  git(folder, 'init')
  git(folder, 'add', '.')
  git(folder, 'commit', '-m', 'docs: say hello')
  const items = await readProject(folder)
  expect(items.slice(0, 2)).toEqual(paragraphs)
  expect(items.slice(2)).toEqual([
    {
      content: 'docs: say hello',
      occurred_at: expect.stringMatching(/^2026-03-04T05:06:07(Z|\+00:00)$/) as string,
      metadata: {
        commit: expect.stringMatching(/^[0-9a-f]{40}$/) as string,
        author_date: expect.stringMatching(/^2026-03-04T05:06:07/) as string,
      },
    },
  ])
})

test('a file that git knows and that is gone is no reason to stop', async () => {
  const folder = await temporaryFolder()
  await makeProject(folder)
  git(folder, 'init')
  git(folder, 'add', '.')
  await rm(join(folder, 'README.md'))
  expect(await readProject(folder)).toEqual(paragraphs.slice(1))
})

test('a copy without its repository is read from its folders, also inside another repository', async () => {
  const outer = await temporaryFolder()
  git(outer, 'init')
  git(outer, 'commit', '--allow-empty', '-m', 'of another project')
  const folder = join(outer, 'copy')
  await makeProject(folder)
  expect(await readProject(folder)).toEqual(paragraphs)
  expect(await readCommits(folder)).toEqual([])
})

test('a paragraph that is longer than a memory becomes several', async () => {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'long.md'), '😀'.repeat(8001))
  const contents = (await readProject(folder)).map(({ content }) => content)
  expect(contents).toEqual(['😀'.repeat(8000), '😀'])
})
