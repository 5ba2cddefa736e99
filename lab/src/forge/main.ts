// `npm run lab forge`: see docs/untrusted-database.md.
import { createOutput } from '../command-line/create-output.ts'
import { decimal, flag, integer, seed, text } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'

const options = readOptions('forge', {
  histories: integer('instead, random histories without an attacker, in which nothing may count as faulty', {
    min: 0,
    default: 0,
  }),
  steps: integer('of each history', { min: 1, default: 20 }),
  lanes: integer('how many histories run at the same time', { min: 1, max: 32, default: 8 }),
  minutes: decimal('ends the histories after this time, with those that are done by then; 0: never', {
    min: 0,
    default: 0,
  }),
  quick: flag('tries a sample: one attack for each table and sort of attack'),
  only: text('tries the attacks alone that have this in their name, such as tenant_keys.key_arn'),
  from: text(
    'begins at this attack: its number in an earlier run, its name, or a column or table, such as key_jobs',
  ),
  seed: seed(),
  json: flag('prints the last line alone, a JSON object'),
})
// The databases, and the root key that belongs to them.
const { setup } = await import('../../../testkit/src/database/warm-start.ts')
const tearDown = await setup()
const { say, print, finish } = createOutput(options.json)
const { createSeededRandom } = await import('../../../testkit/src/statistics/seeded-random.ts')
const { nameOf, sampleOf } = await import('./attacks.ts')
const { runForge } = await import('./run-forge.ts')
const { textOf, ways } = await import('./verdicts.ts')
const { countVerdicts, printTable } = await import('./print-table.ts')
const { runHistories } = await import('./histories/run-histories.ts')
const { only = '', quick, from } = options

async function tellHistories(): Promise<void> {
  const { histories, steps, seed, lanes, minutes } = options
  const endMs = minutes === 0 ? Number.POSITIVE_INFINITY : performance.now() + minutes * 60_000
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      stop.abort()
    })
  const isOver = () => stop.signal.aborted || performance.now() >= endMs
  const { problems, ...result } = await runHistories({ histories, steps, seed, lanes, isOver, say })
  // Whoever bounds the time wants no more than what fits.
  const isStopped = stop.signal.aborted
  const isEnough = result.histories === histories || (!isStopped && result.histories > 0 && minutes > 0)
  finish({ ...result, seed, isStopped }, problems, isEnough)
}

async function attack(): Promise<void> {
  const tried = await runForge({
    choose(attacks) {
      const wanted = attacks.filter((attack) => nameOf(attack).includes(only))
      return quick ? sampleOf(wanted, wanted.length, createSeededRandom(options.seed)) : wanted
    },
    from,
    say,
  })
  printTable(tried, print)
  const broken = tried.flatMap(({ attack, verdicts }) =>
    ways
      .filter((way) => verdicts[way].is === 'broken')
      .map((way) => `${nameOf(attack)}, ${way}: ${textOf(verdicts[way])}`),
  )
  finish({ attacks: tried.length, ...countVerdicts(tried), seed: options.seed }, broken, tried.length > 0)
}

try {
  await (options.histories > 0 ? tellHistories() : attack())
} finally {
  await tearDown()
}
