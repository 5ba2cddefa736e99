// Many trials, in parallel over tenants, on two real replicas. Beside them are neighbours that must not notice anything.
import { isProblem } from '../../../testkit/src/cluster/is-problem.ts'
import { startCluster } from '../../../testkit/src/cluster/start-cluster.ts'
import { createSeededRandom } from '../../../testkit/src/statistics/seeded-random.ts'
import { loadAverage } from '../load-average.ts'
import { createRefusals } from './refusals.ts'
import { createRevocableTenant, type RevocableTenant } from './revocable-tenant.ts'
import { killSwitch, runLockTrial } from './run-lock-trial.ts'
import { runTrial, waitUntilOpen, type TrialParts, type TrialResult } from './run-trial.ts'
import { startStallWatch } from './stall-watch.ts'
import { distributionOf, summarise, type Distribution, type WaySummary } from './summarise.ts'
import { ways } from './ways.ts'

// Five decryptions a second of each tenant on each replica: the times are as precise as that.
const paceOf = 2

export interface RevocationOptions {
  /** Keys that are taken away, evenly in all ways. */
  trials: number
  /** Trials of the kill switch besides; if there are any, one more over a restart of a replica. */
  locks: number
  /** Trials at once, each with a tenant of its own. */
  tenants: number
  ttlSeconds: number
  /** Whether replicas hear nothing from each other. */
  losesNotifications: boolean
  seed: number
  say: (line: string) => void
}

export interface RevocationResult {
  trials: number
  violations: number
  /** Values that differ from those that were encrypted. */
  wrong: number
  neighbours: { requests: number; refused: number; decrypt: Distribution | undefined }
  ways: WaySummary[]
  /** The longest time in which the measuring process itself did not run, in seconds. */
  stalledSeconds: number
  loadAverage: { before: number; after: number }
  seed: number
  details: { problems: string[] }
}

export async function runRevocations(options: RevocationOptions): Promise<RevocationResult> {
  const { trials, locks, ttlSeconds, losesNotifications, seed, say } = options
  const random = createSeededRandom(seed)
  const refusals = createRefusals()
  const problems: string[] = []
  const loadBefore = loadAverage()
  const cluster = await startCluster(
    (line) => {
      if (isProblem(line)) problems.push(line)
    },
    {
      settings: { KEYHOLD_KEY_CACHE_TTL_SECONDS: String(ttlSeconds) },
      onKmsAnswer: refusals.onKmsAnswer,
    },
  )
  const stalls = startStallWatch()
  const startMs = performance.now()
  const open: RevocableTenant[] = []
  const neighbours: RevocableTenant[] = []
  const slowestNeighbour = (fromMs: number, toMs: number) =>
    neighbours
      .flatMap(({ traffic }) => traffic.replies())
      .filter(({ sentMs, doneMs }) => doneMs >= fromMs && sentMs <= toMs)
      .reduce((most, { sentMs, doneMs }) => Math.max(most, doneMs - sentMs), 0)
  const ttlMs = ttlSeconds * 1_000
  const parts: TrialParts = { cluster, refusals, stalls, random, ttlMs, slowestNeighbour }
  try {
    await Promise.all(cluster.replicas.map((replica) => replica.start()))
    const make = async (kind: 'with a replica' | 'single region') => {
      const tenant = await createRevocableTenant(cluster, { kind, paceOf })
      open.push(tenant)
      return tenant
    }
    neighbours.push(await make('single region'), await make('with a replica'))
    const count = Math.min(options.tenants, Math.max(trials, locks))
    const tenants = await Promise.all(Array.from({ length: count }, () => make('with a replica')))
    cluster.proxy.loseNotifications = losesNotifications
    await Promise.all(neighbours.map((tenant) => waitUntilOpen(parts, tenant)))
    for (const { traffic } of neighbours) traffic.clear()

    // Shuffled, so that the ways are mixed over the time of the run.
    const planned = shuffled(
      Array.from({ length: trials }, (_, index) => ways[index % ways.length]).filter(
        (way) => way !== undefined,
      ),
      () => random.next(),
    )
    const results: TrialResult[] = []
    const keep = (result: TrialResult) => {
      results.push(result)
      for (const violation of result.violations.slice(0, 5)) say(`VIOLATION ${described(result, violation)}`)
      say(`${results.length}: ${result.way}`)
    }
    await Promise.all(
      tenants.map(async (tenant) => {
        for (let way = planned.pop(); way !== undefined; way = planned.pop())
          keep(await runTrial(parts, tenant, way))
      }),
    )
    let locksLeft = locks
    await Promise.all(
      tenants.map(async (tenant) => {
        while (locksLeft-- > 0) keep(await runLockTrial(parts, tenant, killSwitch))
      }),
    )
    const neighbourReplies = neighbours.flatMap(({ traffic }) => traffic.replies())
    const [last] = tenants
    if (locks > 0 && last !== undefined) {
      const restart = async () => {
        const [, replica] = cluster.replicas
        await replica?.kill()
        await replica?.start()
      }
      // That the traffic meets a replica that is away is no violation; all other answers are judged.
      const result = await runLockTrial(parts, last, `${killSwitch}, over kill -9 and restart`, restart)
      const isAbsence = (violation: string) =>
        /answered (not running|TypeError|TimeoutError)$/.test(violation)
      keep({ ...result, violations: result.violations.filter((violation) => !isAbsence(violation)) })
    }

    const refused = neighbourReplies.filter(({ answer }) => answer !== '200')
    for (const { kind, answer } of refused) problems.push(`a neighbour's ${kind} was answered ${answer}`)
    const wrong = open.flatMap(({ traffic }) => traffic.wrong)
    const decrypted = neighbourReplies.filter(({ kind }) => kind === 'decrypt')
    return {
      trials: results.length,
      violations: results.reduce((sum, { violations }) => sum + violations.length, 0),
      wrong: wrong.length,
      neighbours: {
        requests: neighbourReplies.length,
        refused: refused.length,
        decrypt: distributionOf(decrypted.map(({ sentMs, doneMs }) => doneMs - sentMs)),
      },
      ways: summarise(results),
      stalledSeconds: Math.round(stalls.longestBetween(startMs, performance.now())) / 1_000,
      loadAverage: { before: loadBefore, after: loadAverage() },
      seed,
      details: {
        problems: [
          ...results.flatMap((result) => result.violations.map((each) => described(result, each))),
          ...wrong,
          ...problems,
        ],
      },
    }
  } finally {
    await Promise.all(open.map((tenant) => tenant.stop()))
    stalls.stop()
    await cluster.stop()
  }
}

/** A violation, with the figures that show whether the machine stood still. */
function described({ way, stalledMs, slowestNeighbourMs }: TrialResult, violation: string): string {
  const [stalled, slowest] = [stalledMs, slowestNeighbourMs].map((ms) => (ms / 1_000).toFixed(2))
  return `${way}: ${violation} (the trial's own process stood still for ${stalled} s, the slowest reply to a neighbour took ${slowest} s)`
}

function shuffled<Item>(items: readonly Item[], next: () => number): Item[] {
  return items
    .map((item) => ({ item, at: next() }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ item }) => item)
}
