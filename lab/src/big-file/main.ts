// `npm run lab big-file`: a file of 5 GiB through the SDK and the CLI, with bounded memory. See docs/load.md.
import { decimal, flag, integer } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'
import type { BigFileStep } from './run-big-file.ts'

const options = readOptions('big-file', {
  gib: decimal('size of the file; the folder for temporary files (TMPDIR) needs three times as much', {
    min: 2 ** -10,
    default: 5,
  }),
  memory: integer('the most MiB that a process may need', { min: 1, default: 250 }),
  // The content does not matter, so every run has the same one.
  seed: integer('makes the content of the file', { min: 0, default: 1 }),
  json: flag('prints a JSON object a line'),
})
const { runBigFile } = await import('./run-big-file.ts')

const failed: string[] = []
function report(step: BigFileStep): void {
  const { name, seconds, mebibytesPerSecond, peakMiB, isRight } = step
  const isSmall = peakMiB <= options.memory
  if (!isRight || !isSmall) failed.push(name)
  const verdict = `${isRight ? '' : ' WRONG CONTENT'}${isSmall ? '' : ' TOO MUCH MEMORY'}`
  const figures = [seconds.toFixed(1), mebibytesPerSecond.toFixed(0), peakMiB.toFixed(0)]
  const line = options.json
    ? JSON.stringify(step)
    : `${name.padEnd(44)}${figures.map((figure) => figure.padStart(8)).join('')}${verdict}`
  process.stdout.write(`${line}\n`)
}

if (!options.json) process.stdout.write(`${''.padEnd(44)} seconds   MiB/s  peak MiB\n`)
await runBigFile({ bytes: Math.floor(options.gib * 2 ** 30), seed: options.seed, report })
if (!options.json) process.stdout.write(failed.length === 0 ? 'passed\n' : 'FAILED\n')
process.exitCode = failed.length === 0 ? 0 : 1
