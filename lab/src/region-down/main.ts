// `npm run region-down`: see docs/revocation.md.
import { parseArgs } from 'node:util'
import { printRegionDown } from './print-region-down.ts'
import { runRegionDown } from './run-region-down.ts'

const usage = `Usage: npm run region-down -- [--minutes 10] [--rate 150] [--ttl-seconds 10] [--json]

  --minutes N      how long the region is down: refused, hanging and failing for a third each (default 10)
  --rate N         requests a second (default 150)
  --ttl-seconds N  KEYHOLD_KEY_CACHE_TTL_SECONDS (default 10)
  --json           nothing but the last line, a JSON object
`

function numberFrom(name: string, text: string, min: number): number {
  const value = Number(text)
  if (!(value >= min) || text.trim() === '') {
    process.stderr.write(`--${name} expects a number from ${min}\n\n${usage}`)
    process.exit(2)
  }
  return value
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '150' },
    'ttl-seconds': { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
})
const result = await runRegionDown({
  minutes: numberFrom('minutes', values.minutes, 0.1),
  rate: numberFrom('rate', values.rate, 1),
  ttlSeconds: numberFrom('ttl-seconds', values['ttl-seconds'], 1),
  say: (line) => {
    if (!values.json) process.stderr.write(`${line}\n`)
  },
})
if (!values.json) printRegionDown(result, (line) => process.stdout.write(`${line}\n`))
for (const problem of result.problems.slice(0, 100)) process.stderr.write(`${problem}\n`)
process.stdout.write(`${JSON.stringify(result)}\n`)
process.exitCode = result.problems.length === 0 ? 0 : 1
