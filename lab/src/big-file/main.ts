// `npm run big-file`: a file of 5 GiB through the SDK and the command line, with bounded memory. See docs/load.md.
import { parseArgs } from 'node:util'
import { runBigFile, type BigFileStep } from './run-big-file.ts'

const usage = `Usage: npm run big-file -- [--gib 5] [--memory 250] [--seed 1] [--json]

  --gib N      size of the file; thrice as much must be free where temporary files are (TMPDIR)
  --memory N   the most MiB that any process may need
  --json       a JSON object a line
`

const { values } = parseArgs({
  options: {
    gib: { type: 'string', default: '5' },
    memory: { type: 'string', default: '250' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
const [gibibytes, memoryMiB, seed] = [Number(values.gib), Number(values.memory), Number(values.seed)]
if (!(gibibytes > 0 && memoryMiB > 0 && Number.isSafeInteger(seed))) {
  process.stderr.write(usage)
  process.exit(2)
}

const failed: string[] = []
function report(step: BigFileStep): void {
  const { name, seconds, mebibytesPerSecond, peakMiB, isRight } = step
  const isSmall = peakMiB <= memoryMiB
  if (!isRight || !isSmall) failed.push(name)
  const verdict = `${isRight ? '' : ' WRONG CONTENT'}${isSmall ? '' : ' TOO MUCH MEMORY'}`
  const figures = [seconds.toFixed(1), mebibytesPerSecond.toFixed(0), peakMiB.toFixed(0)]
  const line = values.json
    ? JSON.stringify(step)
    : `${name.padEnd(44)}${figures.map((figure) => figure.padStart(8)).join('')}${verdict}`
  process.stdout.write(`${line}\n`)
}

if (!values.json) process.stdout.write(`${''.padEnd(44)} seconds   MiB/s  peak MiB\n`)
await runBigFile({ bytes: Math.floor(gibibytes * 2 ** 30), seed, report })
if (!values.json) process.stdout.write(failed.length === 0 ? 'passed\n' : 'FAILED\n')
process.exitCode = failed.length === 0 ? 0 : 1
