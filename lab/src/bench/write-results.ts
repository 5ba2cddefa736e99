// Puts measurements into docs/performance.md: each table stands between `<!-- measured: name -->` and
// `<!-- end of measured -->`, and so does the description of the machine.
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Measurement } from './measurement.ts'
import { figure, rounded } from './print-measurements.ts'

const document = path.join(import.meta.dirname, '../../../docs/performance.md')

/** @param parts - Markdown by the name of its place; a benchmark that did not run keeps its table */
export async function writeResults(parts: ReadonlyMap<string, string>): Promise<void> {
  let text = await readFile(document, 'utf8')
  for (const [name, markdown] of parts) text = replaceMeasured(text, name, markdown)
  const { format } = await import('oxfmt')
  await writeFile(document, (await format(document, text)).code)
}

/** @throws RangeError where the markers of `name` are missing */
export function replaceMeasured(text: string, name: string, markdown: string): string {
  const startMarker = `<!-- measured: ${name} -->\n`
  const start = text.indexOf(startMarker)
  const end = text.indexOf('<!-- end of measured -->', start)
  if (start < 0 || end < 0) throw new RangeError(`"text" expected the markers of ${name}`)
  return `${text.slice(0, start + startMarker.length)}\n${markdown}\n\n${text.slice(end)}`
}

/** One row for each. The text before "|" in a name goes into one column, the text behind it into the next. */
export function resultTable(measurements: readonly Measurement[]): string {
  const rows = measurements.map((measurement) => {
    const [what = '', beside = ''] = measurement.name.split(' | ')
    if ('skipped' in measurement) return [what, beside, '', '', '', '', `skipped: ${measurement.skipped}`]
    const { ours, theirs, unit, ratio, goal } = rounded(measurement)
    const verdict = goal === undefined ? '' : `${goal} ${ratio >= goal ? 'met' : '**missed**'}`
    return [what, beside, figure(ours), figure(theirs), unit, figure(ratio), verdict]
  })
  const head = ['What', 'beside', 'Keyhold', 'the other', 'unit', 'ratio', 'goal']
  const rule = ['---', '---', '--:', '--:', '---', '--:', '---']
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
