// `npm run races`: see docs/reliability.md.
import { parseArgs } from 'node:util'
import { runRaces } from './run-races.ts'

const usage = `Usage: npm run races -- [--races 1000] [--tenants 8] [--json]

  --races N     how often both replicas are asked at once (default 1000)
  --tenants N   tenants that race at the same time (default 8)
  --json        nothing but the last line, a JSON object
`

function integerFrom(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) {
    process.stderr.write(`--${name} expects a whole number from 1\n\n${usage}`)
    process.exit(2)
  }
  return value
}

const { values } = parseArgs({
  options: {
    races: { type: 'string', default: '1000' },
    tenants: { type: 'string', default: '8' },
    json: { type: 'boolean', default: false },
  },
})
const { problems, ...result } = await runRaces({
  races: integerFrom('races', values.races),
  tenants: integerFrom('tenants', values.tenants),
  say: (line) => {
    if (!values.json) process.stderr.write(`${line}\n`)
  },
})
for (const problem of problems.slice(0, 100)) process.stderr.write(`${problem}\n`)
process.stdout.write(`${JSON.stringify(result)}\n`)
process.exitCode = problems.length === 0 && result.exactlyOne === result.races ? 0 : 1
