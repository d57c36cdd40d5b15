import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import tseslint from 'typescript-eslint'

const root = dirname(fileURLToPath(import.meta.url))

/** The arrows of the house: what each place may import of its siblings. */
const arrows = [
  { files: ['packages/contracts/src/**'], may: [] },
  { files: ['packages/crypto/src/**'], may: [] },
  { files: ['packages/postgres/src/**'], may: [] },
  { files: ['packages/messaging/src/**'], may: ['contracts'] },
  { files: ['packages/service/src/**'], may: ['contracts', 'crypto'] },
  { files: ['packages/verifier/src/**'], may: ['crypto'] },
  { files: ['apps/*/src/**'], may: ['contracts', 'crypto', 'postgres', 'messaging', 'service'] },
  { files: ['apps/audit/src/**'], may: ['contracts', 'crypto', 'postgres', 'messaging', 'service', 'verifier'] },
  { files: ['apps/gateway/src/**'], may: ['contracts', 'crypto', 'messaging', 'service'] },
]

const siblings = ['contracts', 'crypto', 'postgres', 'messaging', 'service', 'verifier', 'testkit', 'local', 'app-*']

const depth = { group: ['../../*'], message: 'At most one ../ in an import: move the file closer to its user.' }

function importRule(may) {
  const forbidden = siblings.filter((name) => !may.includes(name)).flatMap((n) => [`@memoric/${n}`, `@memoric/${n}/**`])
  const arrow = { group: forbidden, message: 'This import goes against the arrows of the house (eslint.config.js).' }
  return { 'no-restricted-imports': ['error', { patterns: forbidden.length > 0 ? [depth, arrow] : [depth] }] }
}

const syntax = [
  { selector: 'ExportDefaultDeclaration', message: 'Export by name.' },
  { selector: 'ExportAllDeclaration', message: 'List what is exported.' },
]
const ambient = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: 'The environment is read in main.ts only.',
}

/** The schemas of all routes take 15 MiB in each process that loads them: only the gateway needs them all. */
const wholeTable = {
  group: ['@memoric/contracts/route-table.ts'],
  allowTypeImports: true,
  message: 'Load the routes of this app alone (contracts/src/routes-of-*.ts).',
}

export default tseslint.config(
  { ignores: ['**/node_modules/**', '.memoric/**', '**/*.mjs'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['*.js'] }, tsconfigRootDir: root } },
    rules: {
      'no-restricted-syntax': ['error', ...syntax, ambient],
      'no-restricted-imports': ['error', { patterns: [depth] }],
      'no-console': 'error',
      'require-atomic-updates': ['error', { allowProperties: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  ...arrows.map(({ files, may }) => ({ files, rules: importRule(may) })),
  {
    files: ['apps/{auth,memory,audit}/src/**', 'packages/service/src/**'],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns: [wholeTable] }] },
  },
  {
    files: ['**/main.ts', 'infra/local/src/{demo,operator}.ts'],
    rules: { 'no-restricted-syntax': ['error', ...syntax] },
  },
  { files: ['*.config.{ts,js}'], rules: { 'no-restricted-syntax': 'off' } },
  {
    files: ['**/test/**', 'packages/testkit/**'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off', '@typescript-eslint/no-unsafe-assignment': 'off' },
  },
  { files: ['*.js'], extends: [tseslint.configs.disableTypeChecked] },
)
