// `npm run lab races`: see docs/reliability.md.
import { createOutput } from '../command-line/create-output.ts'
import { flag, integer } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'

const options = readOptions('races', {
  races: integer('how often both replicas are asked at once', { min: 1, default: 1_000 }),
  tenants: integer('tenants that race at the same time', { min: 1, default: 8 }),
  json: flag('prints the last line alone, a JSON object'),
})
const { runRaces } = await import('./run-races.ts')
const { say, finish } = createOutput(options.json)
const { problems, ...result } = await runRaces({ races: options.races, tenants: options.tenants, say })
finish(result, problems, result.exactlyOne === result.races)
