// `npm run races`: see docs/reliability.md.
import { parseArgs } from 'node:util'
import { integerOption } from '../integer-option.ts'
import { runRaces } from './run-races.ts'

const usage = `Usage: npm run races -- [--races 1000] [--tenants 8] [--json]

  --races N     how often both replicas are asked at once (default 1000)
  --tenants N   tenants that race at the same time (default 8)
  --json        nothing but the last line, a JSON object
`

const { values } = parseArgs({
  options: {
    races: { type: 'string', default: '1000' },
    tenants: { type: 'string', default: '8' },
    json: { type: 'boolean', default: false },
  },
})
const { problems, ...result } = await runRaces({
  races: integerOption(usage, 'races', values.races, 1),
  tenants: integerOption(usage, 'tenants', values.tenants, 1),
  say: (line) => {
    if (!values.json) process.stderr.write(`${line}\n`)
  },
})
for (const problem of problems.slice(0, 100)) process.stderr.write(`${problem}\n`)
process.stdout.write(`${JSON.stringify(result)}\n`)
process.exitCode = problems.length === 0 && result.exactlyOne === result.races ? 0 : 1
