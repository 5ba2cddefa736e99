// `npm run lab load`: mixed load on a real server for as long as you like, every value verified. See docs/load.md.
import { createOutput } from '../command-line/create-output.ts'
import { decimal, flag, seed } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'
import { printFigures } from './print-figures.ts'

const options = readOptions('load', {
  minutes: decimal('how long the load lasts', { min: 0.1, max: 10_000, default: 30 }),
  rate: decimal('operations a second', { min: 1, max: 10_000, default: 200 }),
  throttle: decimal('the share of all KMS calls that is throttled', { min: 0, max: 1, default: 0 }),
  'cold-start': flag('kills the server with SIGKILL in the middle and starts it again'),
  seed: seed(),
  json: flag('prints the last line alone, a JSON object'),
})
const { runLoad } = await import('./run-load.ts')
const { say, print, finish } = createOutput(options.json)
const figures = await runLoad({
  minutes: options.minutes,
  operationsPerSecond: options.rate,
  throttle: options.throttle,
  isColdStarted: options['cold-start'],
  seed: options.seed,
  say,
})
printFigures(figures, print)
finish(figures, [], figures.isPassed)
