// `npm run faults`: see docs/reliability.md.
import { parseArgs } from 'node:util'
import { integerOption } from '../integer-option.ts'
import { runCampaign } from './run-campaign.ts'

const usage = `Usage: npm run faults -- [--kills 1000] [--cipherkeys 10000] [--tenants 6] [--seed N] [--json]

  --kills N        goes on until so many processes were killed (default 1000)
  --cipherkeys N   data keys of each tenant at the beginning (default 10000)
  --tenants N      (default 6)
  --seed N         what is done, repeatable but for the timing (default: random)
  --json           nothing but the last line, a JSON object
`

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '1000' },
    cipherkeys: { type: 'string', default: '10000' },
    tenants: { type: 'string', default: '6' },
    seed: { type: 'string', default: String(1 + Math.floor(Math.random() * 2 ** 31)) },
    json: { type: 'boolean', default: false },
  },
})
const say = (line: string) => {
  if (!values.json) process.stderr.write(`${line}\n`)
}
// Ctrl-C ends the breaking, not the judging; a second one ends it all.
const ending = new AbortController()
process.once('SIGINT', () => {
  say('what was broken so far is judged now')
  ending.abort()
})
const startMs = performance.now()
const { details, ...result } = await runCampaign({
  kills: integerOption(usage, 'kills', values.kills, 1),
  cipherkeys: integerOption(usage, 'cipherkeys', values.cipherkeys, 1),
  tenants: integerOption(usage, 'tenants', values.tenants, 1),
  seed: integerOption(usage, 'seed', values.seed, 1),
  signal: ending.signal,
  say,
})
const { problems, ...figures } = details
say(`took ${((performance.now() - startMs) / 60_000).toFixed(1)} min`)
say(JSON.stringify(figures, undefined, 2))
for (const problem of problems.slice(0, 100)) process.stderr.write(`${problem}\n`)
process.stdout.write(`${JSON.stringify(result)}\n`)
const isGood = result.lost === 0 && result.wrong === 0 && result.manual === 0 && problems.length === 0
process.exitCode = isGood ? 0 : 1
