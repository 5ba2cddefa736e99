// `npm run lab neighbours`: see docs/neighbours.md.
import { createOutput } from '../command-line/create-output.ts'
import { flag, integer, names } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'
import { floodNames, type FloodName } from './floods.ts'

const options = readOptions('neighbours', {
  flood: names('the floods', floodNames),
  'window-seconds': integer('how long each state is measured', { min: 1, max: 45, default: 15 }),
  quick: flag('a quarter of the time and of the cipherkeys'),
  rate: integer('requests of the neighbour a second', { min: 1, max: 500, default: 100 }),
  cipherkeys: integer('how many the tenant has that floods', { min: 1, max: 5_000_000, default: 100_000 }),
  json: flag('prints the last line alone, a JSON object'),
})
const { runNeighbours } = await import('./run-neighbours.ts')
const { say, print, finish } = createOutput(options.json)
const share = options.quick ? 0.25 : 1
const result = await runNeighbours({
  floods: options.flood as FloodName[],
  windowSeconds: Math.ceil(options['window-seconds'] * share),
  requestsPerSecond: options.rate,
  cipherkeys: Math.ceil(options.cipherkeys * share),
  say,
})
print(
  '| The flood | without: p50, ms | p99, ms | beside: p50, ms | p99, ms | p99, ratio | failed | memory, MiB |',
)
print('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |')
for (const { flood, without, beside, p99Ratio, memoryGrowthMib } of result.floods) {
  const failed = Object.values(beside.failures).reduce((sum, count) => sum + count, 0)
  const cells = [without.p50Ms, without.p99Ms, beside.p50Ms, beside.p99Ms, p99Ratio, failed, memoryGrowthMib]
  print(`| ${[flood, ...cells].join(' | ')} |`)
}
// How long replies take depends on the machine; that they come does not.
finish(result, [], result.failed === 0)
