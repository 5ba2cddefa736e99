// The types of the contract written out: they are derived from schemas, whose types only TypeBox could read.
import ts from 'typescript'

/** A file of types with the types that `file` exports, and with those of its constants that are no schemas. */
export function flattenedTypes(program: ts.Program, file: string): string {
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(file)
  const module = source && checker.getSymbolAtLocation(source)
  if (module === undefined) throw new Error(`${file} is not imported by the client`)
  const declarations = checker.getExportsOfModule(module).flatMap((exported) => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
    if (symbol.flags & ts.SymbolFlags.TypeAlias)
      return [`export type ${symbol.name} = ${flattened(checker, checker.getDeclaredTypeOfSymbol(symbol))}`]
    const type = checker.getTypeOfSymbol(symbol)
    // Types made of schemas are of no use without TypeBox, and functions are not packed.
    return symbol.flags & ts.SymbolFlags.Variable && (checker.isArrayLikeType(type) || isTable(checker, type))
      ? [`export declare const ${symbol.name}: ${flattened(checker, type)}`]
      : []
  })
  return `${declarations.join('\n\n')}\n`
}

/** A constant object of texts, numbers and such objects. */
function isTable(checker: ts.TypeChecker, type: ts.Type): boolean {
  if (type.flags & (ts.TypeFlags.StringLiteral | ts.TypeFlags.NumberLiteral | ts.TypeFlags.BooleanLiteral))
    return true
  const members = checker.getPropertiesOfType(type)
  return (
    (type.flags & ts.TypeFlags.Object) !== 0 &&
    type.getCallSignatures().length === 0 &&
    members.length > 0 &&
    members.every((member) => isTable(checker, checker.getTypeOfSymbol(member)))
  )
}

/** A type without any name in it. @throws Error for what the wire cannot have, such as functions */
function flattened(checker: ts.TypeChecker, type: ts.Type, indent = ''): string {
  const nested = (each: ts.Type): string => flattened(checker, each, `${indent}  `)
  if (type.flags & ts.TypeFlags.Boolean || !(type.flags & ts.TypeFlags.StructuredType))
    return named(checker, type)
  if (type.isUnion()) return union(checker, type.types, indent)
  if (checker.isTupleType(type))
    return `readonly [${checker
      .getTypeArguments(type as ts.TypeReference)
      .map(nested)
      .join(', ')}]`
  if (checker.isArrayType(type)) {
    const [element] = checker.getTypeArguments(type as ts.TypeReference)
    if (element === undefined) return 'unknown[]'
    const text = flattened(checker, element, indent)
    return element.isUnion() ? `(${text})[]` : `${text}[]`
  }
  if (type.getCallSignatures().length > 0) throw new Error(`${named(checker, type)} is a function`)
  const members = [
    ...checker
      .getIndexInfosOfType(type)
      .map((info) => `[name: ${named(checker, info.keyType)}]: ${nested(info.type)}`),
    ...checker.getPropertiesOfType(type).map((property) => {
      const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0
      const value = checker.getTypeOfSymbol(property)
      const text =
        isOptional && value.isUnion() ? union(checker, value.types, `${indent}  `, true) : nested(value)
      return `${propertyKey(property.name)}${isOptional ? '?' : ''}: ${text}`
    }),
  ]
  return `{\n${members.map((member) => `${indent}  ${member}\n`).join('')}${indent}}`
}

/** @param isOptional - undefined is not written: it is not among the values of what may be missing */
function union(checker: ts.TypeChecker, types: ts.Type[], indent: string, isOptional = false): string {
  const texts = types
    .filter(({ flags }) => !isOptional || !(flags & ts.TypeFlags.Undefined))
    .map((each) => flattened(checker, each, indent))
  return texts.join(' | ').replace('false | true', 'boolean')
}

// A status is a number, and would be text in quotes.
function propertyKey(name: string): string {
  return /^(\d+|[A-Za-z_]\w*)$/.test(name) ? name : JSON.stringify(name)
}

function named(checker: ts.TypeChecker, type: ts.Type): string {
  return checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation)
}
