// `npm run load`: mixed load on a real server for as long as one likes, every value verified. See docs/load.md.
import { parseArgs } from 'node:util'
import { printFigures } from './print-figures.ts'
import { runLoad } from './run-load.ts'

const usage = `Usage: npm run load -- [--minutes 30] [--rate 200] [--throttle 0.3] [--cold-start] [--seed N] [--json]

  --minutes N    how long (default 30)
  --rate N       operations a second (default 200)
  --throttle S   this share of all KMS calls is throttled, from 0 to 1 (default 0)
  --cold-start   in the middle the server is killed with SIGKILL and started again
  --seed N       what is sent, repeatable (default: random)
  --json         nothing but the last line, a JSON object
`

function numberFrom(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (!(value >= min && value <= max) || text.trim() === '') {
    process.stderr.write(`--${name} expects a number from ${min} to ${max}\n\n${usage}`)
    process.exit(2)
  }
  return value
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    rate: { type: 'string', default: '200' },
    throttle: { type: 'string', default: '0' },
    'cold-start': { type: 'boolean', default: false },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
    json: { type: 'boolean', default: false },
  },
})
const figures = await runLoad({
  minutes: numberFrom('minutes', values.minutes, 0.1, 10_000),
  operationsPerSecond: numberFrom('rate', values.rate, 1, 10_000),
  throttle: numberFrom('throttle', values.throttle, 0, 1),
  isColdStarted: values['cold-start'],
  seed: numberFrom('seed', values.seed, 0, 2 ** 32 - 1),
  say: (line) => {
    if (!values.json) process.stderr.write(`${line}\n`)
  },
})
if (!values.json) printFigures(figures, (line) => process.stdout.write(`${line}\n`))
process.stdout.write(`${JSON.stringify(figures)}\n`)
process.exitCode = figures.isPassed ? 0 : 1
