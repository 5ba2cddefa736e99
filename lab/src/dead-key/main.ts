// `npm run lab dead-key`: see docs/revocation.md.
import { createOutput } from '../command-line/create-output.ts'
import { flag, integer } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'

const options = readOptions('dead-key', {
  'window-seconds': integer('how long each state is measured at a time', { min: 1, default: 15 }),
  rounds: integer('how often each state is measured', { min: 1, default: 3 }),
  rate: integer('decryptions a second of each tenant', { min: 1, default: 100 }),
  'ttl-seconds': integer('KEYHOLD_KEY_CACHE_TTL_SECONDS; with 0 every request asks the KMS', {
    min: 0,
    default: 5,
  }),
  json: flag('prints the last line alone, a JSON object'),
})
const { runDeadKey } = await import('./run-dead-key.ts')
const { say, print, finish } = createOutput(options.json)
const result = await runDeadKey({
  windowSeconds: options['window-seconds'],
  rounds: options.rounds,
  rate: options.rate,
  ttlSeconds: options['ttl-seconds'],
  say,
})
print("| The other tenant's key | p50, ms | p99, ms | p99, ratio | its answers | its KMS calls |")
print('| --- | ---: | ---: | ---: | --- | ---: |')
for (const { state, p50Ms, p99Ms, p99Ratio, tenant, kmsCalls } of result.states) {
  const answers = Object.entries(tenant).map(([answer, count]) => `${answer} × ${count}`)
  print(`| ${[state, p50Ms, p99Ms, p99Ratio, answers.join(', '), kmsCalls].join(' | ')} |`)
}
// How long replies take depends on the machine; that they come does not.
finish(result, [], result.refused === 0)
