// Prints the table of a run, as it stands in docs/revocation.md.
import type { Distribution, WaySummary } from './summarise.ts'

export function printWays(ways: readonly WaySummary[], print: (line: string) => void): void {
  print(
    '| Way | Trials | First refusal after | Closed after it | Last lease ends after it | Open again after | Violations |',
  )
  print('| --- | ---: | ---: | ---: | ---: | ---: | ---: |')
  for (const { way, trials, firstRefusal, closed, leaseEnd, opened, violations } of ways) {
    const cells = [firstRefusal, closed, leaseEnd, opened].map(cellOf)
    print(`| ${[way, trials, ...cells, violations].join(' | ')} |`)
  }
  print('')
  print('Seconds: min / p50 / p90 / p99 / max. Answers besides 200:')
  for (const { way, answers } of ways) {
    const counts = Object.entries(answers).map(([answer, count]) => `${answer} × ${count}`)
    print(`- ${way}: ${counts.join(', ') || 'none'}`)
  }
}

function cellOf(one: Distribution | undefined): string {
  if (one === undefined) return ''
  return [one.min, one.p50, one.p90, one.p99, one.max].map((value) => value.toFixed(1)).join(' / ')
}
