// The benchmarks print the form that programs rely on. No test depends on how fast anything is.
import { expect, test } from 'vitest'
import { printJson, printTable } from '../src/bench/print-measurements.ts'
import { runBenchmarks } from '../src/bench/run-benchmarks.ts'
import { quick } from '../src/bench/sizes.ts'
import { replaceMeasured, resultTable } from '../src/bench/write-results.ts'

test('a peer that does not run gets a line of its own in both forms', () => {
  const lines: string[] = []
  const skipped = { name: 'a | b', skipped: 'b is not here' }
  printJson((line) => lines.push(line))(skipped)
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([skipped])
  printTable((line) => lines.push(line))(skipped)
  expect(lines.at(-1)).toContain('skipped: b is not here')
})

test('a benchmark that does not exist is refused', async () => {
  await expect(runBenchmarks(quick, () => undefined, ['nothing'])).rejects.toThrow(RangeError)
})

test('results replace only the table with their name', () => {
  const comparison = { name: 'copy a file | cp', ours: 1_234.5, theirs: 1_000, unit: 'MiB/s', ratio: 1.2345 }
  const table = resultTable([
    { ...comparison, goal: 1 },
    { ...comparison, goal: 2 },
    { name: 'copy a file | age', skipped: 'not here' },
  ])
  const rows = [
    '| copy a file | cp | 1,230 | 1,000 | MiB/s | 1.23 | 1 met |',
    '| copy a file | cp | 1,230 | 1,000 | MiB/s | 1.23 | 2 **missed** |',
    '| copy a file | age |  |  |  |  | skipped: not here |',
  ]
  expect(table.split('\n').slice(2)).toEqual(rows)
  const part = (name: string, content: string) =>
    `<!-- measured: ${name} -->\n\n${content}\n\n<!-- end of measured -->\n`
  const text = part('values', 'old') + part('files', 'old')
  expect(replaceMeasured(text, 'files', table)).toBe(part('values', 'old') + part('files', table))
  expect(() => replaceMeasured(text, 'migration', table)).toThrow(RangeError)
})
