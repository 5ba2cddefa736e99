// `npm run lab bench`: Keyhold beside its alternatives, both sides in one run. See docs/performance.md.
import os from 'node:os'
import { flag, names } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'
import { describeMachine } from './describe-machine.ts'
import type { Measurement } from './measurement.ts'
import { printJson, printTable } from './print-measurements.ts'
import { benchmarkNames, runBenchmarks } from './run-benchmarks.ts'
import { full, quick } from './sizes.ts'
import { resultTable, writeResults } from './write-results.ts'

const options = readOptions('bench', {
  quick: flag('runs briefly, with less precise figures'),
  only: names('runs some of the benchmarks', benchmarkNames),
  write: flag('writes the results into docs/performance.md'),
  json: flag('prints a JSON object a line'),
})
const print = (options.json ? printJson : printTable)((line) => process.stdout.write(`${line}\n`))
const [loadBefore = 0] = os.loadavg()
const parts = new Map<string, string>()
for (const name of options.only) {
  const measurements: Measurement[] = []
  const report = (measurement: Measurement) => {
    measurements.push(measurement)
    print(measurement)
  }
  await runBenchmarks(options.quick ? quick : full, report, [name])
  parts.set(name, resultTable(measurements))
}
if (options.write) {
  const description = await describeMachine(loadBefore)
  await writeResults(parts.set('machine', description))
}
