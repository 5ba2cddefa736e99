// `npm run lab large-tenant`: see docs/load.md.
import { createOutput } from '../command-line/create-output.ts'
import { flag, integer } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'

const options = readOptions('large-tenant', {
  cipherkeys: integer('how many the tenant has', { min: 1, default: 5_000_000 }),
  quick: flag('a tenth of the cipherkeys'),
  writers: integer('how many make new data keys all the time', { min: 1, default: 40 }),
  'pause-ms': integer('how long a writer pauses after each reply', { min: 0, default: 400 }),
  delete: flag('deletes the tenant in the end'),
  json: flag('prints the last line alone, a JSON object'),
})
const { runLargeTenant } = await import('./run-large-tenant.ts')
const { say, print, finish } = createOutput(options.json)
const { problems, ...result } = await runLargeTenant({
  cipherkeys: options.quick ? Math.ceil(options.cipherkeys / 10) : options.cipherkeys,
  writers: options.writers,
  pauseMs: options['pause-ms'],
  isDeleted: options.delete,
  say,
})
print('| Fence, alone | waited for, ms | held, ms |')
print('| --- | ---: | ---: |')
for (const { step, waitedMs, heldMs } of result.fences) print(`| ${step} | ${waitedMs} | ${heldMs} |`)
print('')
print('| A new data key | replies | p50, ms | p99, ms | longest, ms |')
print('| --- | ---: | ---: | ---: | ---: |')
for (const { when, replies, p50Ms, p99Ms, longestMs } of result.writers)
  print(`| ${[when, replies, p50Ms, p99Ms, longestMs].join(' | ')} |`)
// How long it takes depends on the machine; that nothing fails and nothing is missing does not.
finish(result, problems)
