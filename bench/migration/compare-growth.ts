// Migrations from small to very large: what a cipherkey costs, how many KMS calls there are, what memory is used over
// time, and how long the event loop is held.
import { once } from 'node:events'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { orSkip, type Comparison, type Report } from '../measurement.ts'
import type { Sizes } from '../sizes.ts'
import type { SeedOrder } from './seed-thread.ts'
import { startTimedKeyhold, type TimedKeyhold } from './timed-keyhold.ts'
import { watchCopying, type CopyFigures } from './watch-copying.ts'

const warmUpCipherkeys = 2_000
// Longer than that, and requests would feel it.
const holdGoalMs = 10

interface Outcome extends CopyFigures {
  cipherkeys: number
  perSecond: number
  kmsCalls: number
}

export async function compareGrowth(
  { growthCipherkeys }: Pick<Sizes, 'growthCipherkeys'>,
  report: Report,
): Promise<void> {
  await orSkip('migration, growth', report, async () => {
    const keyhold = await startTimedKeyhold()
    try {
      await migrateOne(keyhold, Math.min(warmUpCipherkeys, ...growthCipherkeys))
      const outcomes: Outcome[] = []
      for (const cipherkeys of growthCipherkeys) outcomes.push(await migrateOne(keyhold, cipherkeys))
      return outcomes.flatMap((outcome) => describe(outcome, outcomes[0] ?? outcome))
    } finally {
      await keyhold.stop()
    }
  })
}

async function migrateOne(keyhold: TimedKeyhold, cipherkeys: number): Promise<Outcome> {
  const { tenant, tenantKey } = await keyhold.createTenant()
  await seedInThread({ connection: keyhold.connection, tenantKey, cipherkeys })
  const callsBefore = keyhold.countKmsCalls()
  const watch = watchCopying()
  const copyMs = await keyhold.migrate(tenant, watch)
  return {
    ...watch.figures(),
    cipherkeys,
    perSecond: (cipherkeys * 1_000) / copyMs,
    kmsCalls: keyhold.countKmsCalls() - callsBefore,
  }
}

async function seedInThread(order: SeedOrder): Promise<void> {
  const file = path.join(import.meta.dirname, 'seed-thread.ts')
  const [status] = (await once(new Worker(file, { workerData: order, execArgv: [] }), 'exit')) as [number]
  if (status !== 0) throw new Error(`the thread that seeds cipherkeys ended with ${status}`)
}

function describe(outcome: Outcome, first: Outcome): Comparison[] {
  const name = `migrating ${outcome.cipherkeys.toLocaleString('en')} cipherkeys`
  return [
    {
      name: `${name}, copying | ${first.cipherkeys.toLocaleString('en')} of them`,
      ours: outcome.perSecond,
      theirs: first.perSecond,
      unit: 'cipherkeys/s',
      ratio: outcome.perSecond / first.perSecond,
    },
    {
      name: `${name}, KMS calls, registration included | a pair for each`,
      ours: outcome.kmsCalls,
      theirs: 2 * outcome.cipherkeys,
      unit: 'calls',
      ratio: (2 * outcome.cipherkeys) / outcome.kmsCalls,
    },
    {
      name: `${name}, most memory | before`,
      ours: outcome.peakMebibytes,
      theirs: outcome.beforeMebibytes,
      unit: 'MiB resident',
      ratio: outcome.beforeMebibytes / outcome.peakMebibytes,
    },
    {
      name: `${name}, memory in the last fifth of copying | in the first fifth`,
      ours: outcome.lastFifthMebibytes,
      theirs: outcome.firstFifthMebibytes,
      unit: 'MiB resident',
      ratio: outcome.firstFifthMebibytes / outcome.lastFifthMebibytes,
    },
    {
      name: `${name}, event loop held, p99.9 | ${holdGoalMs} ms`,
      ours: outcome.longHoldMs,
      theirs: holdGoalMs,
      unit: 'ms',
      ratio: holdGoalMs / outcome.longHoldMs,
      goal: 1,
    },
    {
      name: `${name}, event loop held, longest | ${holdGoalMs} ms`,
      ours: outcome.longestHoldMs,
      theirs: holdGoalMs,
      unit: 'ms',
      ratio: holdGoalMs / outcome.longestHoldMs,
    },
  ]
}
