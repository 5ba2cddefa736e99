// Texts as literals of other languages. Whatever a text holds, it stays one literal there: it ends no quote, begins no
// substitution and no template, and leaves no comment.

/** One word of a POSIX shell. Nothing is special between single quotes but the next single quote. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll('\0', '').replaceAll("'", String.raw`'\''`)}'`
}

/** A string of HCL. `${` and `%{` begin templates there, and JSON's short escapes of two characters do not exist. */
export function hclString(text: string): string {
  return JSON.stringify(text.toWellFormed())
    .replaceAll(/\\(.)/g, (escape: string, what: string) => shortEscapes.get(what) ?? escape)
    .replaceAll(/[$%]\{/g, (begin) => `${begin.charAt(0)}${begin}`)
}

const shortEscapes: ReadonlyMap<string, string> = new Map([
  ['b', String.raw`\u0008`],
  ['f', String.raw`\u000c`],
])

/** A JSON value as an expression of HCL, indented as `terraform fmt` does. */
export function hclValue(value: unknown, indent = ''): string {
  if (typeof value === 'string') return hclString(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const inner = `${indent}  `
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]'
    return `[\n${value.map((each) => `${inner}${hclValue(each, inner)}`).join(',\n')}\n${indent}]`
  }
  const members = Object.entries(value).filter(([, each]) => each !== undefined)
  if (members.length === 0) return '{}'
  const lines = members.map(([name, each]) => `${inner}${hclString(name)} : ${hclValue(each, inner)}`)
  return `{\n${lines.join(',\n')}\n${indent}}`
}
