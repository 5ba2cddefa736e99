// Aligned text for people: tables, and fields of one thing.
import { printable } from './printable.ts'
import { padTo, widthOf } from './width.ts'

/** Each column is as wide as its widest cell. Nothing is cut, so that every cell can be copied. */
export function formatTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [titles, ...rows].map((row) => row.map(printable))
  const widths = titles.map((_, column) => Math.max(...cells.map((row) => widthOf(row[column] ?? ''))))
  return cells
    .map((row) =>
      row
        .map((cell, column) => padTo(cell, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** The name and the value of a field. A field without a value is left out; several values get a line each. */
export type Field = readonly [name: string, value: string | readonly string[] | undefined]

export function formatFields(fields: readonly Field[]): string {
  const lines = fields.flatMap(([name, value]) => linesOf(name, value))
  const width = Math.max(...lines.map(([name]) => widthOf(name)))
  return lines.map(([name, value]) => `${padTo(name, width)}  ${printable(value)}`.trimEnd()).join('\n')
}

function linesOf(name: string, value: Field[1]): [string, string][] {
  if (value === undefined) return []
  const values = typeof value === 'string' ? [value] : value
  return values.map((line, index) => [index === 0 ? name : '', line])
}
