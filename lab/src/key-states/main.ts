// `npm run lab key-states`: see docs/revocation.md.
import { createOutput } from '../command-line/create-output.ts'
import { flag, integer } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'

const options = readOptions('key-states', {
  keys: integer('how many are in use', { min: 20, default: 10_000 }),
  failing: integer('how many of them fail', { min: 4, default: 1_000 }),
  trials: integer('how many healthy ones are disabled, one after the other', { min: 1, default: 40 }),
  'probe-seconds': integer('KEYHOLD_KEY_PROBE_SECONDS', { min: 1, default: 50 }),
  'within-seconds': integer('how soon each must be shown', { min: 1, default: 60 }),
  quick: flag('a tenth of the keys and of the trials'),
  json: flag('prints the last line alone, a JSON object'),
})
const { runKeyStates } = await import('./run-key-states.ts')
const { say, print, finish } = createOutput(options.json)
const scaled = (count: number) => (options.quick ? Math.ceil(count / 10) : count)
const { problems, ...result } = await runKeyStates({
  keys: scaled(options.keys),
  failing: scaled(options.failing),
  trials: scaled(options.trials),
  probeSeconds: options['probe-seconds'],
  withinSeconds: options['within-seconds'],
  say,
})
const { shownAfterSeconds: shown } = result
print(
  '| Keys in use | failing | disabled | shown after, s: p50 | p90 | longest | KMS calls a minute | server, % of a core |',
)
print('| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |')
print(
  `| ${[result.keys, result.failing, result.trials, shown.p50, shown.p90, shown.longest, result.kmsCallsPerMinute, result.serverCpuPercent].join(' | ')} |`,
)
print('')
print('| Failing keys | how many | KMS calls for each of them a minute |')
print('| --- | ---: | ---: |')
for (const { failure, keys, callsPerMinute } of result.failures)
  print(`| ${[failure, keys, callsPerMinute].join(' | ')} |`)
finish(result, problems)
