// Prints the figures of a run for people.
import type { Flatness } from '../../../testkit/src/statistics/flatness.ts'
import type { LoadFigures } from './run-load.ts'

export function printFigures(figures: LoadFigures, write: (line: string) => void): void {
  write('')
  write(row('', 'count', 'p50 ms', 'p99 ms', 'max ms'))
  for (const [kind, { count, p50Ms, p99Ms, maxMs }] of Object.entries(figures.latencies))
    write(row(kind, whole(count), p50Ms.toFixed(1), p99Ms.toFixed(1), maxMs.toFixed(0)))
  write('')
  write(
    `operations   ${whole(figures.operations)}, ${whole(figures.leftOut)} left out as all hands were busy`,
  )
  write(`errors       ${figures.errors}; wrong ${figures.wrong}; without a server ${whole(figures.down)}`)
  for (const { code, count, firstAtSeconds, lastAtSeconds } of figures.failures)
    write(
      `             ${count} × ${code}, from second ${firstAtSeconds.toFixed(1)} to ${lastAtSeconds.toFixed(1)}`,
    )
  const replies = Object.entries(figures.replies).map(([what, count]) => `${whole(count)} × ${what}`)
  write(`HTTP replies ${replies.join(', ')}`)
  write('server       min/median/max of the first third and of the last one')
  for (const { worstEventLoopDelayP99Ms, ...given } of figures.processes) {
    write(`             RSS MiB ${flatness(given.rssMiB)}`)
    write(`             heap used MiB ${flatness(given.heapUsedMiB)}`)
    write(`             heap MiB ${flatness(given.heapTotalMiB)}`)
    write(`             external MiB ${flatness(given.externalMiB)}`)
    write(`             open files ${flatness(given.openFiles)}`)
    write(
      `             event loop delay, worst p99 of ten seconds: ${worstEventLoopDelayP99Ms.toFixed(0)} ms`,
    )
  }
  if (figures.coldStart !== undefined) {
    const { downMs, kmsCalls, keys, mostCallsOfOneKey } = figures.coldStart
    write(
      `cold start   down ${downMs.toFixed(0)} ms; ${kmsCalls} KMS calls for ${keys} keys, at most ${mostCallsOfOneKey} for one`,
    )
  }
  const { server, local } = figures.dataOperations
  write(`values       ${whole(server)} by the server, ${whole(local)} locally`)
  write(
    `KMS calls    ${figures.kmsCalls}: ${figures.kmsCallsPerMillionDataOperations.toFixed(1)} per million values`,
  )
  write(figures.isPassed ? 'passed' : 'FAILED')
}

function row(...[kind, ...rest]: [string, ...string[]]): string {
  return `${kind.padEnd(20)}${rest.map((cell) => cell.padStart(10)).join('')}`
}

function whole(value: number): string {
  return value.toLocaleString('en')
}

function flatness(given: Flatness | undefined): string {
  if (given === undefined) return 'too short a run to tell'
  const { first, last, growth, isFlat } = given
  const spread = ({ min, median, max }: Flatness['first']): string =>
    [min, median, max].map((value) => value.toFixed(0)).join('/')
  const verdict = isFlat ? 'flat' : 'GROWS'
  return `${spread(first)}, ${spread(last)}, × ${growth.toFixed(3)}: ${verdict}`
}
