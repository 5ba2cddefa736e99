// Migrations from small to very large: what a cipherkey costs, how many KMS calls there are, and what memory is used.
import { orSkip, type Comparison, type Report } from '../measurement.ts'
import type { Sizes } from '../sizes.ts'
import { seedCipherkeys } from './seeded-tenant.ts'
import { startTimedKeyhold, type TimedKeyhold } from './timed-keyhold.ts'

const lookMs = 250
const mebibyte = 1_048_576
const warmUpCipherkeys = 2_000

interface Outcome {
  cipherkeys: number
  perSecond: number
  kmsCalls: number
  beforeMebibytes: number
  peakMebibytes: number
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
  await seedCipherkeys(keyhold.client, tenantKey, cipherkeys)
  const beforeBytes = process.memoryUsage.rss()
  let peakBytes = beforeBytes
  const look = setInterval(() => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
  }, lookMs)
  const callsBefore = keyhold.countKmsCalls()
  try {
    const copyMs = await keyhold.migrate(tenant)
    return {
      cipherkeys,
      perSecond: (cipherkeys * 1_000) / copyMs,
      kmsCalls: keyhold.countKmsCalls() - callsBefore,
      beforeMebibytes: beforeBytes / mebibyte,
      peakMebibytes: peakBytes / mebibyte,
    }
  } finally {
    clearInterval(look)
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
      name: `${name}, most memory, KMS and benchmark in the same process | before`,
      ours: outcome.peakMebibytes,
      theirs: outcome.beforeMebibytes,
      unit: 'MiB resident',
      ratio: outcome.beforeMebibytes / outcome.peakMebibytes,
    },
  ]
}
