// `npm run lab fuzz-contract`: drawn requests to every route, judged by the contract. A request that is answered otherwise is told in
// its smallest form, with the seed that draws it again.
import { createOutput } from '../command-line/create-output.ts'
import { flag, integer, seed } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'

const options = readOptions('fuzz-contract', {
  requests: integer('how many requests', { min: 1, default: 50_000 }),
  seed: seed(),
  json: flag('prints the last line alone, a JSON object'),
})
const { setup } = await import('../../../testkit/src/database/warm-start.ts')
const { runFuzzContract } = await import('./run-fuzz-contract.ts')
const { say, finish } = createOutput(options.json)
// The server of tests, with its database.
const end = await setup()
try {
  const { problems, ...result } = await runFuzzContract({
    requests: options.requests,
    seed: options.seed,
    say,
  })
  finish({ ...result, problems: problems.length }, problems)
} finally {
  await end()
}
