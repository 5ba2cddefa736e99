// Prints the tables of a run, as they stand in docs/revocation.md.
import type { RegionDownResult } from './region-down-result.ts'

export function printRegionDown(
  { phases, returns, shown }: RegionDownResult,
  print: (line: string) => void,
): void {
  print(
    '| Phase | Tenant | Requests | Failed | p50, ms | p99, ms | longest, ms | Refused from, to (s) | With |',
  )
  print('| --- | --- | ---: | ---: | ---: | ---: | ---: | --- | --- |')
  for (const { phase, seconds, tenants } of phases) {
    for (const [kind, its] of Object.entries(tenants)) {
      const { requests, failed, p50Ms, p99Ms, maxMs, firstFailedAfter, lastFailedAfter, answers } = its
      const refused = firstFailedAfter === undefined ? '' : `${firstFailedAfter}, ${String(lastFailedAfter)}`
      const codes = Object.entries(answers).map(([answer, count]) => `${answer} × ${count}`)
      print(
        `| ${[`${phase} (${seconds} s)`, kind, requests, failed, p50Ms, p99Ms, maxMs, refused, codes.join(', ')].join(' | ')} |`,
      )
    }
  }
  print('')
  for (const { phase, kmsCalls } of phases) print(`- ${phase}: KMS calls ${JSON.stringify(kmsCalls)}`)
  for (const { phase, keyChanges } of phases)
    for (const { what, outcome, seconds } of keyChanges)
      print(`- ${phase}: ${what}: ${outcome} after ${seconds} s`)
  for (const one of returns) print(`- back: ${JSON.stringify(one)}`)
  for (const { outage, kind, shown: states } of shown)
    print(`- ${outage}: ${kind}: ${states.map(({ after, state }) => `${state} after ${after} s`).join(', ')}`)
}
