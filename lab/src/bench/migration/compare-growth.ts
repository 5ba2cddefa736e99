// Compares migrations from small to very large: the cost of a cipherkey, the number of KMS calls, the memory over time, and
// how long the main thread works at a time.
import { orSkip, type Comparison, type Report } from '../measurement.ts'
import type { Sizes } from '../sizes.ts'
import { seedInThread } from '../../rows/seed-in-thread.ts'
import { startTimedKeyhold, type TimedKeyhold } from './start-timed-keyhold.ts'
import { watchCopying, type CopyFigures } from './watch-copying.ts'

const warmUpCipherkeys = 2_000
// Requests would notice a longer time in which nobody looks at them.
const workGoalMs = 10

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
      name: `${name}, resident in the last fifth of copying | in the first fifth`,
      ours: outcome.lastFifthMebibytes,
      theirs: outcome.firstFifthMebibytes,
      unit: 'MiB resident',
      ratio: outcome.firstFifthMebibytes / outcome.lastFifthMebibytes,
    },
    {
      name: `${name}, in use in the last fifth of copying | in the first fifth`,
      ours: outcome.lastFifthUsedMebibytes,
      theirs: outcome.firstFifthUsedMebibytes,
      unit: 'MiB in use',
      ratio: outcome.firstFifthUsedMebibytes / outcome.lastFifthUsedMebibytes,
    },
    {
      name: `${name}, work of the main thread in a turn, p99.9 | ${workGoalMs} ms`,
      ours: outcome.workMs,
      theirs: workGoalMs,
      unit: 'ms',
      ratio: workGoalMs / outcome.workMs,
      goal: 1,
    },
    {
      name: `${name}, work of the main thread in a turn, longest | ${workGoalMs} ms`,
      ours: outcome.longestWorkMs,
      theirs: workGoalMs,
      unit: 'ms',
      ratio: workGoalMs / outcome.longestWorkMs,
    },
    {
      name: `${name}, delay of timers on the main thread, p99.9 | ${workGoalMs} ms`,
      ours: outcome.delayMs,
      theirs: workGoalMs,
      unit: 'ms',
      ratio: workGoalMs / outcome.delayMs,
    },
  ]
}
