// `npm run bench`: Keyhold beside what one would take instead, both sides in one run. See docs/performance.md.
import os from 'node:os'
import { parseArgs } from 'node:util'
import { describeMachine } from './describe-machine.ts'
import type { Measurement } from './measurement.ts'
import { printJson, printTable } from './print-measurements.ts'
import { benchmarkNames, runBenchmarks } from './run-benchmarks.ts'
import { full, quick } from './sizes.ts'
import { resultTable, writeResults } from './write-results.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
  },
})
const print = (values.json ? printJson : printTable)(console.log)
const [loadBefore = 0] = os.loadavg()
const parts = new Map<string, string>()
for (const name of values.only ?? benchmarkNames) {
  const measurements: Measurement[] = []
  const report = (measurement: Measurement) => {
    measurements.push(measurement)
    print(measurement)
  }
  await runBenchmarks(values.quick ? quick : full, report, [name])
  parts.set(name, resultTable(measurements))
}
if (values.write) {
  const description = await describeMachine(loadBefore)
  await writeResults(parts.set('machine', description))
}
