// `npm run lab region-down`: see docs/revocation.md.
import { createOutput } from '../command-line/create-output.ts'
import { decimal, flag } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'
import { printRegionDown } from './print-region-down.ts'

const options = readOptions('region-down', {
  minutes: decimal('how long the region is down: a third each refused, hanging and failing', {
    min: 0.1,
    default: 10,
  }),
  rate: decimal('requests a second', { min: 1, default: 150 }),
  'ttl-seconds': decimal('KEYHOLD_KEY_CACHE_TTL_SECONDS', { min: 1, default: 10 }),
  json: flag('prints the last line alone, a JSON object'),
})
const { runRegionDown } = await import('./run-region-down.ts')
const { say, print, finish } = createOutput(options.json)
const result = await runRegionDown({
  minutes: options.minutes,
  rate: options.rate,
  ttlSeconds: options['ttl-seconds'],
  say,
})
printRegionDown(result, print)
finish(result, result.problems)
