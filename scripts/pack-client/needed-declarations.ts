// Of declaration files, what their entries export and whatever that hangs on; the rest is nobody's business.
import path from 'node:path'
import ts from 'typescript'

/**
 * Answers the files again, without the declarations and imports that nothing exported needs.
 *
 * @param isOwn - whether a file is one of those that are cut down; all others are left to be imported as they are
 */
export function neededDeclarations(
  program: ts.Program,
  entries: readonly string[],
  isOwn: (file: string) => boolean,
): Map<string, string> {
  const checker = program.getTypeChecker()
  const needed = new Map<ts.SourceFile, Set<ts.Statement>>()
  /** By file the imports from places that are not ours, as local name → its specifier. */
  const imported = new Map<ts.SourceFile, Set<ts.ImportSpecifier>>()

  function need(symbol: ts.Symbol): void {
    for (const declaration of symbol.declarations ?? []) {
      const statement = topStatement(declaration)
      const file = declaration.getSourceFile()
      if (statement === undefined || !isOwn(file.fileName) || entry(needed, file).has(statement)) continue
      entry(needed, file).add(statement)
      walk(statement)
    }
  }

  function walk(node: ts.Node): void {
    ts.forEachChild(node, walk)
    if (!ts.isIdentifier(node)) return
    const symbol = checker.getSymbolAtLocation(node)
    if (symbol === undefined) return
    for (const declaration of symbol.declarations ?? [])
      if (ts.isImportSpecifier(declaration)) entry(imported, node.getSourceFile()).add(declaration)
    need(targetOf(checker, symbol))
  }

  for (const name of entries) {
    const file = program.getSourceFile(name)
    const module = file && checker.getSymbolAtLocation(file)
    if (module === undefined) throw new Error(`${name} is not a module`)
    for (const exported of checker.getExportsOfModule(module)) need(targetOf(checker, exported))
  }

  const files = new Set([...needed.keys(), ...entries.flatMap((name) => program.getSourceFile(name) ?? [])])
  return new Map(
    [...files].map((file) => {
      const parts = [
        ...importsOf(checker, file, imported.get(file) ?? new Set()),
        ...file.statements.flatMap((statement) =>
          needed.get(file)?.has(statement) ? [statement.getFullText(file).trim()] : [],
        ),
        ...(entries.includes(file.fileName)
          ? file.statements.flatMap((each) => reexport(checker, each))
          : []),
      ]
      return [file.fileName, `${parts.join('\n')}\n`]
    }),
  )
}

function entry<Key, Value>(map: Map<Key, Set<Value>>, key: Key): Set<Value> {
  const known = map.get(key) ?? new Set<Value>()
  map.set(key, known)
  return known
}

function targetOf(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
}

/** The statement of a module that a declaration is part of; undefined in what is no module, such as the globals. */
function topStatement(declaration: ts.Node): ts.Statement | undefined {
  let node = declaration
  while (!ts.isSourceFile(node) && !ts.isSourceFile(node.parent)) node = node.parent
  const isImport = ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
  return ts.isSourceFile(node) || isImport ? undefined : (node as ts.Statement)
}

// From where the declaration is, not by way of files that only hand it on.
function specifierFor(checker: ts.TypeChecker, specifier: ts.ImportSpecifier | ts.ExportSpecifier): string {
  const symbol = checker.getSymbolAtLocation(specifier.name)
  const [declaration] = symbol === undefined ? [] : (targetOf(checker, symbol).declarations ?? [])
  const { moduleSpecifier } = ts.isImportSpecifier(specifier)
    ? specifier.parent.parent.parent
    : specifier.parent.parent
  const written =
    moduleSpecifier !== undefined && ts.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : ''
  if (declaration === undefined || !written.startsWith('.')) return written
  const from = path.posix.dirname(specifier.getSourceFile().fileName)
  const relative = path.posix.relative(from, declaration.getSourceFile().fileName).replace(/\.d\.ts$/, '.js')
  return relative.startsWith('.') ? relative : `./${relative}`
}

function importsOf(
  checker: ts.TypeChecker,
  file: ts.SourceFile,
  specifiers: ReadonlySet<ts.ImportSpecifier>,
): string[] {
  return [...specifiers]
    .filter((specifier) => specifier.getSourceFile() === file)
    .map((specifier) => {
      const renamed = specifier.propertyName === undefined ? '' : `${specifier.propertyName.text} as `
      return `import type { ${renamed}${specifier.name.text} } from '${specifierFor(checker, specifier)}'`
    })
}

function reexport(checker: ts.TypeChecker, statement: ts.Statement): string[] {
  if (!ts.isExportDeclaration(statement)) return []
  if (statement.exportClause === undefined || !ts.isNamedExports(statement.exportClause))
    return [statement.getText()]
  return statement.exportClause.elements.map((specifier) => {
    const kind = statement.isTypeOnly || specifier.isTypeOnly ? 'export type' : 'export'
    const renamed = specifier.propertyName === undefined ? '' : `${specifier.propertyName.text} as `
    return `${kind} { ${renamed}${specifier.name.text} } from '${specifierFor(checker, specifier)}'`
  })
}
