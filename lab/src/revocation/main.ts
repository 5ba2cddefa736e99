// `npm run revocation`: see docs/revocation.md.
import { parseArgs } from 'node:util'
import { integerOption } from '../integer-option.ts'
import { printWays } from './print-ways.ts'
import { runRevocations } from './run-revocations.ts'

const usage = `Usage: npm run revocation -- [--trials 200] [--locks 20] [--tenants 20] [--ttl-seconds 5] [--lose-notifications] [--seed N] [--json]

  --trials N            keys taken away and given back, in all ways by turns (default 200)
  --locks N             trials of the kill switch besides, and one over a restart (default 20)
  --tenants N           trials at once (default 20)
  --ttl-seconds N       KEYHOLD_KEY_CACHE_TTL_SECONDS of the replicas (default 5)
  --lose-notifications  replicas hear nothing from each other
  --seed N              what is done, repeatable but for the timing (default: random)
  --json                nothing but the last line, a JSON object
`

const { values } = parseArgs({
  options: {
    trials: { type: 'string', default: '200' },
    locks: { type: 'string', default: '20' },
    tenants: { type: 'string', default: '20' },
    'ttl-seconds': { type: 'string', default: '5' },
    'lose-notifications': { type: 'boolean', default: false },
    seed: { type: 'string', default: String(1 + Math.floor(Math.random() * 2 ** 31)) },
    json: { type: 'boolean', default: false },
  },
})
const say = (line: string) => {
  if (!values.json) process.stderr.write(`${line}\n`)
}
const startMs = performance.now()
const { details, ...result } = await runRevocations({
  trials: integerOption(usage, 'trials', values.trials, 0),
  locks: integerOption(usage, 'locks', values.locks, 0),
  tenants: integerOption(usage, 'tenants', values.tenants, 1),
  ttlSeconds: integerOption(usage, 'ttl-seconds', values['ttl-seconds'], 1),
  losesNotifications: values['lose-notifications'],
  seed: integerOption(usage, 'seed', values.seed, 1),
  say,
})
say(`took ${((performance.now() - startMs) / 60_000).toFixed(1)} min`)
if (!values.json) printWays(result.ways, (line) => process.stdout.write(`${line}\n`))
for (const problem of details.problems.slice(0, 100)) process.stderr.write(`${problem}\n`)
process.stdout.write(`${JSON.stringify(result)}\n`)
process.exitCode = details.problems.length === 0 ? 0 : 1
