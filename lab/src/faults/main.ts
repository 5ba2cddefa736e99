// `npm run lab faults`: see docs/reliability.md.
import { createOutput } from '../command-line/create-output.ts'
import { flag, integer, seed } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'

const { json, ...options } = readOptions('faults', {
  kills: integer('goes on until this many processes were killed', { min: 1, default: 1_000 }),
  cipherkeys: integer('data keys of each tenant at the beginning', { min: 1, default: 10_000 }),
  tenants: integer('how many tenants', { min: 1, default: 6 }),
  seed: seed(),
  json: flag('prints the last line alone, a JSON object'),
})
const { runCampaign } = await import('./run-campaign.ts')
const { say, finish } = createOutput(json)
// The first Ctrl-C ends the faults, and what happened so far is judged. A second one ends the process.
const ending = new AbortController()
process.once('SIGINT', () => {
  say('no more faults; what happened so far is judged now')
  ending.abort()
})
const startMs = performance.now()
const { details, ...result } = await runCampaign({ ...options, signal: ending.signal, say })
const { problems, ...figures } = details
say(`took ${((performance.now() - startMs) / 60_000).toFixed(1)} min`)
say(JSON.stringify(figures, undefined, 2))
finish(result, problems, result.lost === 0 && result.wrong === 0 && result.manual === 0)
