// Reads from a source file what the guards need to know: what it imports, and where it touches the environment.
import { readFileSync } from 'node:fs'
import ts from 'typescript'

export interface Import {
  /** As written, such as `./seal.ts`, `@keyhold/core` or `node:crypto`. */
  specifier: string
  line: number
  /** Gone once the types are stripped. */
  typeOnly: boolean
}

export interface Source {
  imports: Import[]
  /** The lines that use `process.env`, or `process` as a whole, which may hide the former. */
  environmentLines: number[]
}

export function readSource(file: string): Source {
  const tree = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
  const source: Source = { imports: [], environmentLines: [] }
  const lineOf = (node: ts.Node) => tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1

  function visit(node: ts.Node): void {
    const found = importOf(node)
    if (found !== undefined) source.imports.push({ ...found, line: lineOf(node) })
    if (usesEnvironment(node)) source.environmentLines.push(lineOf(node))
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return source
}

function importOf(node: ts.Node): Omit<Import, 'line'> | undefined {
  if (ts.isImportDeclaration(node)) {
    const typeOnly = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
    return { specifier: textOf(node.moduleSpecifier), typeOnly }
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    return { specifier: textOf(node.moduleSpecifier), typeOnly: node.isTypeOnly }
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return { specifier: textOf(node.argument.literal), typeOnly: true }
  }
  if (ts.isCallExpression(node) && isLoader(node.expression)) {
    const [argument] = node.arguments
    return { specifier: argument === undefined ? '' : textOf(argument), typeOnly: false }
  }
  return undefined
}

function isLoader(callee: ts.Expression): boolean {
  return callee.kind === ts.SyntaxKind.ImportKeyword || callee.getText() === 'import.meta.resolve'
}

function textOf(node: ts.Node): string {
  return ts.isStringLiteralLike(node) ? node.text : node.getText()
}

function usesEnvironment(node: ts.Node): boolean {
  if (!ts.isIdentifier(node) || node.text !== 'process') return false
  const { parent } = node
  const whole = ts.isPropertyAccessExpression(parent) && parent.name === node ? parent : node
  const user = whole.parent
  if (ts.isPropertyAccessExpression(user) && user.expression === whole) return user.name.text === 'env'
  // A member that happens to be called so is not the global.
  return !ts.isPropertyAssignment(user) && !ts.isPropertySignature(user)
}
