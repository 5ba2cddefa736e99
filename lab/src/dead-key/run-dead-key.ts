// One customer's key is dead, hangs or fails, while its tenant goes on asking. Measured in windows by turns: how long the
// neighbour's replies take then, beside how long they take while both keys are healthy.
import { setTimeout as sleep } from 'node:timers/promises'
import { startCluster } from '../../../testkit/src/cluster/start-cluster.ts'
import { createCustomer, type Customer } from '../../../testkit/src/customer/create-customer.ts'
import { ownRegion } from '../../../testkit/src/customer/customer-kms.ts'
import { median } from '../../../testkit/src/statistics/median.ts'
import { percentile } from '../../../testkit/src/statistics/percentile.ts'
import { createTenant, type Tenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { migrateTo } from '../../../testkit/src/tenants/migrate-to.ts'
import { loadAverage } from '../load-average.ts'
import { startPacedDecrypts } from './paced-decrypts.ts'

export interface DeadKeyOptions {
  /** How long each window is. */
  windowSeconds: number
  /** How often each state is measured. */
  rounds: number
  /** Decryptions a second of either tenant. */
  rate: number
  ttlSeconds: number
  say: (line: string) => void
}

export interface DeadKeyState {
  state: string
  /** Of the neighbour's decryptions, the median of the windows, in milliseconds. */
  p50Ms: number
  p99Ms: number
  /** The median of the ratios to the windows right before, in which both keys were healthy. */
  p99Ratio: number
  /** The ratios themselves, in their order: they show how much of it is the machine's noise. */
  p99Ratios: number[]
  neighbour: Record<string, number>
  tenant: Record<string, number>
  /** KMS calls for the dead key. */
  kmsCalls: number
}

export interface DeadKeyResult {
  states: DeadKeyState[]
  /** Replies to the neighbour without a plaintext. */
  refused: number
  loadAverage: number
}

type Break = (customer: Customer) => Promise<() => Promise<void>>

const settleMs = 1_000
const recoverMs = 6_000

export async function runDeadKey(options: DeadKeyOptions): Promise<DeadKeyResult> {
  const { windowSeconds, rounds, rate, ttlSeconds, say } = options
  const settings = { KEYHOLD_KEY_CACHE_TTL_SECONDS: String(ttlSeconds) }
  const cluster = await startCluster(() => undefined, { settings })
  const { kms } = cluster
  const faulty =
    (kind: 'hang' | 'error500'): Break =>
    ({ keyId }) => {
      const remove = kms.faults.add({ kind, match: { keyId } })
      return Promise.resolve(() => {
        remove()
        return Promise.resolve()
      })
    }
  const states: Record<string, Break> = {
    'hangs in all regions': faulty('hang'),
    'fails in all regions': faulty('error500'),
    'is disabled': async (customer) => {
      await customer.disable(ownRegion)
      return () => customer.enable(ownRegion)
    },
  }
  const customers: Customer[] = []
  try {
    await Promise.all(cluster.replicas.map((replica) => replica.start()))
    const make = async (): Promise<{ tenant: Tenant; customer: Customer }> => {
      const url = cluster.replicas[0]?.url ?? ''
      const tenant = await createTenant(url, cluster.operatorToken)
      const customer = await createCustomer(kms.url, { tenantId: tenant.tenantId })
      customers.push(customer)
      await migrateTo(url, tenant, customer.keyArn)
      return { tenant, customer }
    }
    const dead = await make()
    const neighbour = await make()
    const traffics = [
      await startPacedDecrypts(neighbour.tenant, cluster.replicas, rate),
      await startPacedDecrypts(dead.tenant, cluster.replicas, rate),
    ] as const
    await sleep(recoverMs)

    const window = async () => {
      await sleep(settleMs)
      for (const traffic of traffics) traffic.take()
      await sleep(windowSeconds * 1_000)
      const [its, theDeads] = traffics.map((traffic) => traffic.take())
      return { its, theDeads }
    }
    const measured = new Map<string, { p50: number[]; p99: number[]; ratio: number[] }>()
    const counts = new Map<
      string,
      { its: Map<string, number>; theDeads: Map<string, number>; calls: number }
    >()
    const keep = (state: string, seen: Awaited<ReturnType<typeof window>>, beforeMs?: number, calls = 0) => {
      const { its, theDeads } = seen
      if (its === undefined || theDeads === undefined) throw new Error('a window saw nothing')
      const p99 = percentile(its.tookMs, 0.99)
      const into = measured.get(state) ?? { p50: [], p99: [], ratio: [] }
      measured.set(state, into)
      into.p50.push(percentile(its.tookMs, 0.5))
      into.p99.push(p99)
      if (beforeMs !== undefined) into.ratio.push(p99 / beforeMs)
      const none = { its: new Map<string, number>(), theDeads: new Map<string, number>(), calls: 0 }
      const sums = counts.get(state) ?? none
      counts.set(state, sums)
      addTo(sums.its, its.answers)
      addTo(sums.theDeads, theDeads.answers)
      sums.calls += calls
      say(`${state}: p99 ${p99.toFixed(1)} ms`)
      return p99
    }
    for (let round = 0; round < rounds; round++) {
      for (const [state, breakIt] of Object.entries(states)) {
        const wellMs = keep('is well', await window())
        const mend = await breakIt(dead.customer)
        // By then the cached keys have expired.
        await sleep(ttlSeconds * 1_000)
        kms.resetCallCounts()
        const seen = await window()
        keep(state, seen, wellMs, kms.countCalls({ keyId: dead.customer.keyId }))
        await mend()
        await sleep(recoverMs)
      }
    }
    await Promise.all(traffics.map((traffic) => traffic.stop()))
    const found = [...measured].map(([state, { p50, p99, ratio }]): DeadKeyState => {
      const sums = counts.get(state)
      return {
        state,
        p50Ms: rounded(median(p50)),
        p99Ms: rounded(median(p99)),
        p99Ratio: ratio.length === 0 ? 1 : rounded(median(ratio)),
        p99Ratios: ratio.map(rounded),
        neighbour: Object.fromEntries(sums?.its ?? []),
        tenant: Object.fromEntries(sums?.theDeads ?? []),
        kmsCalls: sums?.calls ?? 0,
      }
    })
    const refused = found
      .flatMap(({ neighbour: answers }) => Object.entries(answers))
      .reduce((sum, [answer, count]) => (answer === '200' ? sum : sum + count), 0)
    return { states: found, refused, loadAverage: loadAverage() }
  } finally {
    for (const customer of customers) customer.close()
    await cluster.stop()
  }
}

function addTo(sums: Map<string, number>, more: ReadonlyMap<string, number>): void {
  for (const [answer, count] of more) sums.set(answer, (sums.get(answer) ?? 0) + count)
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
