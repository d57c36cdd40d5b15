import ts from 'typescript'

/** The titles of a test file: each test and group with the groups around it, from the outside in; and its other string literals. */
export interface TestTitles {
  readonly chains: ReadonlySet<string>
  readonly literals: ReadonlySet<string>
}

/** What joins the titles of a chain. */
const JOINT = '\n'

/** Reads the titles as they stand in the source: with the placeholders of `test.each`. */
export function testTitles(source: string): TestTitles {
  const [chains, literals] = [new Set<string>(), new Set<string>()]
  const visit = (node: ts.Node, around: readonly string[]): void => {
    if (ts.isStringLiteral(node)) literals.add(node.text)
    const title = titleOf(node)
    const chain = title === null ? around : [...around, title]
    if (title !== null) chains.add(chain.join(JOINT))
    ts.forEachChild(node, (child) => visit(child, chain))
  }
  visit(ts.createSourceFile('a.test.ts', source, ts.ScriptTarget.Latest, true), [])
  return { chains, literals }
}

/** Whether a file has a test or a group with these titles; behind one with a placeholder, the last may be a value from its table. */
export function hasTitles({ chains, literals }: TestTitles, titles: readonly string[]): boolean {
  if (chains.has(titles.join(JOINT))) return true
  const [value = '', template = ''] = titles.toReversed()
  return /%[a-z]|\$\w/.test(template) && chains.has(titles.slice(0, -1).join(JOINT)) && literals.has(value)
}

function titleOf(node: ts.Node): string | null {
  if (!ts.isCallExpression(node) || !['test', 'it', 'describe'].includes(rootOf(node.expression))) return null
  const [first] = node.arguments
  if (first === undefined) return null
  if (ts.isStringLiteralLike(first)) return first.text
  return ts.isTemplateExpression(first) ? first.getText().slice(1, -1) : null
}

/** `test` of `test.each(rows)`. */
function rootOf(expression: ts.Expression): string {
  if (ts.isIdentifier(expression)) return expression.text
  const isPath = ts.isCallExpression(expression) || ts.isPropertyAccessExpression(expression)
  return isPath ? rootOf(expression.expression) : ''
}
