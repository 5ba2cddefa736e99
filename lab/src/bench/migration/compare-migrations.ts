// Compares the copying of cipherkeys in a migration, by the engine as it runs in a server, with a bare loop.
import { median } from '../../../../testkit/src/statistics/median.ts'
import { seedCipherkeys } from '../../rows/seed-cipherkeys.ts'
import { orSkip, type Comparison, type Report } from '../measurement.ts'
import type { Sizes } from '../sizes.ts'
import { bareRewrap } from './bare-rewrap.ts'
import { kmsPairsPerSecond } from './kms-pairs.ts'
import { startRewrapThreads, type RewrapThreads } from './rewrap-threads.ts'
import { insertBareTenant, openTarget } from './insert-bare-tenant.ts'
import { rowWraps, type WrapName } from './row-wraps.ts'
import { startTimedKeyhold, type TimedKeyhold } from './start-timed-keyhold.ts'

// The first chunks of each side compile its code; they do not count.
const warmUpCipherkeys = 2_000

const firstId = '00000000-0000-0000-0000-000000000000'
const lastId = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

export async function compareMigrations(
  { migrations, kmsPairs }: Pick<Sizes, 'migrations' | 'kmsPairs'>,
  report: Report,
): Promise<void> {
  await orSkip('migration, copying of cipherkeys', report, async () => {
    const keyhold = await startTimedKeyhold()
    const threads = await startRewrapThreads(keyhold.connection, 2)
    try {
      const sides = [
        (count: number) => engineMs(keyhold, count),
        (count: number) => bareMs(keyhold, count),
        (count: number) => bareThreadsMs(keyhold, threads, count, 'keyhold'),
        (count: number) => bareThreadsMs(keyhold, threads, count, 'plain-gcm'),
      ]
      const smallest = Math.min(...migrations.map(({ cipherkeys }) => cipherkeys))
      for (const side of sides) await side(Math.min(smallest, warmUpCipherkeys))
      const pairs = await kmsPairsPerSecond(keyhold.kmsUrl, kmsPairs)
      const comparisons: Comparison[] = []
      for (const { cipherkeys, rounds } of migrations) {
        const times = await byTurns(sides, cipherkeys, rounds)
        const name = `migration, copying ${cipherkeys.toLocaleString('en')} cipherkeys`
        comparisons.push(
          compare(`${name} | bare loop in two threads`, cipherkeys, times, 2, 0.6),
          compare(`${name} | bare loop in one thread`, cipherkeys, times, 1),
          compare(`${name} | bare loop with plain GCM in two threads`, cipherkeys, times, 3),
          comparePairs(`${name} | one KMS call pair for each`, cipherkeys, times, pairs),
        )
      }
      return comparisons
    } finally {
      await threads.stop()
      await keyhold.stop()
    }
  })
}

/** Milliseconds of each side. */
type Times = [engine: number, bare: number, threads: number, plainGcm: number]

/** Runs each side in turn; each round begins with another side. */
async function byTurns(
  sides: ((cipherkeys: number) => Promise<number>)[],
  cipherkeys: number,
  rounds: number,
): Promise<Times[]> {
  const times: Times[] = []
  for (let round = 0; round < rounds; round++) {
    const taken: Times = [0, 0, 0, 0]
    for (let turn = 0; turn < sides.length; turn++) {
      const index = (round + turn) % sides.length
      taken[index] = (await sides[index]?.(cipherkeys)) ?? Number.NaN
    }
    times.push(taken)
  }
  return times
}

function comparePairs(name: string, cipherkeys: number, rounds: Times[], pairs: number): Comparison {
  const ours = (cipherkeys * 1_000) / median(rounds.map(([engine]) => engine))
  return { name, ours, theirs: pairs, unit: 'cipherkeys/s', ratio: ours / pairs, goal: 30 }
}

function compare(
  name: string,
  cipherkeys: number,
  rounds: Times[],
  other: 1 | 2 | 3,
  goal?: number,
): Comparison {
  const perSecond = (ms: number) => (cipherkeys * 1_000) / ms
  return {
    name,
    ours: perSecond(median(rounds.map(([engine]) => engine))),
    theirs: perSecond(median(rounds.map((times) => times[other]))),
    unit: 'cipherkeys/s',
    ratio: median(rounds.map((times) => times[other] / times[0])),
    ...(goal !== undefined && { goal }),
  }
}

async function engineMs(keyhold: TimedKeyhold, cipherkeys: number): Promise<number> {
  const { tenant, tenantKey } = await keyhold.createTenant()
  await seedCipherkeys(keyhold.sql, tenantKey, cipherkeys)
  return keyhold.migrate(tenant)
}

async function bareMs({ client, sql }: TimedKeyhold, cipherkeys: number): Promise<number> {
  const { source, target } = await insertBareTenant(client)
  await seedCipherkeys(sql, source, cipherkeys)
  await openTarget(client, source.tenantId)
  return timed(cipherkeys, () =>
    bareRewrap(client, { source, target, after: firstId, upTo: lastId, wraps: 'keyhold' }),
  )
}

async function bareThreadsMs(
  { client, sql }: TimedKeyhold,
  threads: RewrapThreads,
  cipherkeys: number,
  wraps: WrapName,
): Promise<number> {
  const { source, target } = await insertBareTenant(client)
  await seedCipherkeys(sql, source, cipherkeys, { wrap: rowWraps[wraps].wrap })
  await openTarget(client, source.tenantId)
  const { rows } = await client.query<{ data_key_id: string }>(
    `select data_key_id from keyhold.cipherkeys where tenant_id = $1 order by data_key_id
     offset $2 limit 1`,
    [source.tenantId, Math.floor(cipherkeys / 2)],
  )
  const middle = rows[0]?.data_key_id ?? lastId
  return timed(cipherkeys, () =>
    threads.run([
      { source, target, after: firstId, upTo: middle, wraps },
      { source, target, after: middle, upTo: lastId, wraps },
    ]),
  )
}

async function timed(expected: number, run: () => Promise<number>): Promise<number> {
  const startMs = performance.now()
  const done = await run()
  if (done !== expected) throw new Error(`${done} of ${expected} cipherkeys were rewrapped`)
  return performance.now() - startMs
}
