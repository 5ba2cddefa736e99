// `npm run bench`: Keyhold beside what one would take instead, both sides in one run. See docs/performance.md.
import { parseArgs } from 'node:util'
import { printJson, printTable } from './print-measurements.ts'
import { runBenchmarks } from './run-benchmarks.ts'
import { full, quick } from './sizes.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
  },
})
const print = values.json ? printJson : printTable
await runBenchmarks(values.quick ? quick : full, print(console.log), values.only)
