// `npm run lab rolling-restart`: see docs/reliability.md.
import { createOutput } from '../command-line/create-output.ts'
import { flag, integer, text } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'

const options = readOptions('rolling-restart', {
  requests: integer('goes on until this many were sent', { min: 1, default: 20_000 }),
  rounds: integer('how often each replica is replaced', { min: 1, default: 3 }),
  'drain-seconds': integer('how long a replica goes on serving', { min: 0, max: 60, default: 10 }),
  before: text('the commit whose version runs first, which is then replaced by this one'),
  json: flag('prints the last line alone, a JSON object'),
})
const { runRollingRestart } = await import('./run-rolling-restart.ts')
const { say, finish } = createOutput(options.json)
const { requests, rounds, before } = options
const { problems, ...result } = await runRollingRestart({
  ...{ requests, rounds, before, say },
  drainSeconds: options['drain-seconds'],
})
finish(result, problems, result.failed === 0 && result.wrong === 0)
