// Aligned text for people: tables, and fields of one thing.
import { printable } from './printable.ts'

/** Each column is as wide as its widest cell. Nothing is cut, so that every cell can be copied. */
export function formatTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [titles, ...rows].map((row) => row.map(printable))
  const widths = titles.map((_, column) => Math.max(...cells.map((row) => widthOf(row[column] ?? ''))))
  return cells
    .map((row) =>
      row
        .map((cell, column) => pad(cell, widths[column] ?? 0))
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
  return lines.map(([name, value]) => `${pad(name, width)}  ${printable(value)}`.trimEnd()).join('\n')
}

function linesOf(name: string, value: Field[1]): [string, string][] {
  if (value === undefined) return []
  const values = typeof value === 'string' ? [value] : value
  return values.map((line, index) => [index === 0 ? name : '', line])
}

const segmenter = new Intl.Segmenter()

// A character as people see it counts once.
function widthOf(text: string): number {
  return Array.from(segmenter.segment(text)).length
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)))
}
