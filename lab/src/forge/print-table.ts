// The table of `npm run lab forge`: a row for each attack, a column for each way of meeting it.
import { nameOf } from './attacks.ts'
import type { TriedAttack } from './run-forge.ts'
import { textOf, ways, type Verdict } from './verdicts.ts'

export interface Counts {
  refused: number
  'no effect': number
  impossible: number
  gap: number
  broken: number
}

/** How many attacks ended how, each counted once for each way. */
export function countVerdicts(tried: readonly TriedAttack[]): Counts {
  const counts: Counts = { refused: 0, 'no effect': 0, impossible: 0, gap: 0, broken: 0 }
  for (const { verdicts } of tried) for (const way of ways) counts[verdicts[way].is]++
  return counts
}

export function printTable(tried: readonly TriedAttack[], print: (line: string) => void): void {
  const inCell = (verdict: Verdict) => (verdict.is === 'broken' ? 'BROKEN' : textOf(verdict))
  const rows = [
    ['attack', ...ways],
    ...tried.map(({ attack, verdicts }) => [nameOf(attack), ...ways.map((way) => inCell(verdicts[way]))]),
  ]
  const widths = ['attack', ...ways].map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  for (const row of rows)
    print(
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
}
