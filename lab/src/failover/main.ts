// `npm run lab failover`: see docs/reliability.md.
import { createOutput } from '../command-line/create-output.ts'
import { decimal, flag, integer } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'

const options = readOptions('failover', {
  promotions: integer('how often the primary is killed and the standby takes over', { min: 1, default: 20 }),
  'away-seconds': decimal('between the kill and the promotion', { min: 0, max: 60, default: 0.5 }),
  'lag-seconds': decimal('how long the standby receives nothing before each kill', {
    min: 0,
    max: 20,
    default: 0,
  }),
  async: flag('commits do not wait for the standby: shows what is lost then'),
  json: flag('prints the last line alone, a JSON object'),
})
const { runFailover } = await import('./run-failover.ts')
const { say, finish } = createOutput(options.json)
const { problems, ...result } = await runFailover({
  promotions: options.promotions,
  awayMs: options['away-seconds'] * 1_000,
  lagMs: options['lag-seconds'] * 1_000,
  isAsync: options.async,
  say,
})
finish(result, problems)
