// `npm run dead-key`: see docs/revocation.md.
import { parseArgs } from 'node:util'
import { integerOption } from '../integer-option.ts'
import { runDeadKey } from './run-dead-key.ts'

const usage = `Usage: npm run dead-key -- [--window-seconds 15] [--rounds 3] [--rate 100] [--ttl-seconds 5] [--json]

  --window-seconds N  how long each state is measured for at a time (default 15)
  --rounds N          how often (default 3)
  --rate N            decryptions a second of either tenant (default 100)
  --ttl-seconds N     KEYHOLD_KEY_CACHE_TTL_SECONDS; 0: every request asks the KMS (default 5)
  --json              nothing but the last line, a JSON object
`

const { values } = parseArgs({
  options: {
    'window-seconds': { type: 'string', default: '15' },
    rounds: { type: 'string', default: '3' },
    rate: { type: 'string', default: '100' },
    'ttl-seconds': { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
})
const result = await runDeadKey({
  windowSeconds: integerOption(usage, 'window-seconds', values['window-seconds'], 1),
  rounds: integerOption(usage, 'rounds', values.rounds, 1),
  rate: integerOption(usage, 'rate', values.rate, 1),
  ttlSeconds: integerOption(usage, 'ttl-seconds', values['ttl-seconds'], 0),
  say: (line) => {
    if (!values.json) process.stderr.write(`${line}\n`)
  },
})
if (!values.json) {
  process.stdout.write(
    "| The other tenant's key | p50, ms | p99, ms | p99, ratio | its answers | its KMS calls |\n",
  )
  process.stdout.write('| --- | ---: | ---: | ---: | --- | ---: |\n')
  for (const { state, p50Ms, p99Ms, p99Ratio, tenant, kmsCalls } of result.states) {
    const answers = Object.entries(tenant).map(([answer, count]) => `${answer} × ${count}`)
    process.stdout.write(`| ${[state, p50Ms, p99Ms, p99Ratio, answers.join(', '), kmsCalls].join(' | ')} |\n`)
  }
}
process.stdout.write(`${JSON.stringify(result)}\n`)
// How long replies take depends on the machine; that they come does not.
process.exitCode = result.refused === 0 ? 0 : 1
