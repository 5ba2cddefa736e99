// Counts calls to AWS KMS for the tenants' accounts. Counts stay in memory for seconds and are then added to those in
// the database, so a replica that dies loses the counts of its last seconds.
import type { KmsUsageRow } from '../store/kms-usage.ts'
import type { Store } from '../store/store.ts'

const flushMs = 5_000
const forgetMs = 3_600_000
const keptDays = 400
// The limit of counts in memory while the database is away. Each is for one tenant, day, region, account and outcome.
const maxKinds = 100_000
// The adapter's name for Keyhold's own account, where it is not a customer's.
const ownAccount = 'keyhold'

export interface CountedCall {
  action: string
  region: string
  tenantId: string
  account: string
  payer: string
  outcome: string
  requests: number
}

export interface KmsUsageMeterOptions {
  store: Pick<Store, 'kmsUsage' | 'transaction' | 'clock'>
  /** Receives the reason when counts cannot be stored for now, or are lost. */
  onError: (error: unknown) => void
}

export interface KmsUsageMeter {
  count(call: CountedCall): void
  /** Stores all counts so far in the database, or throws. */
  flush(): Promise<void>
  /** Stores the last counts. */
  close(): Promise<void>
}

export function openKmsUsageMeter({ store, onError }: KmsUsageMeterOptions): KmsUsageMeter {
  let counts = new Map<string, KmsUsageRow>()
  let lost = 0
  let flushing = Promise.resolve()
  let forgotMs = Number.NEGATIVE_INFINITY

  function add(row: KmsUsageRow): void {
    const { tenantId, day, region, account, action, outcome, paidBy } = row
    const kind = JSON.stringify([tenantId, day, region, account, action, outcome, paidBy])
    const known = counts.get(kind)
    if (known !== undefined) {
      known.calls += row.calls
      known.requests += row.requests
    } else if (counts.size < maxKinds) counts.set(kind, { ...row })
    else lost += row.calls
  }

  async function write(): Promise<void> {
    const taken = counts
    counts = new Map()
    const kinds = [...taken].toSorted(([one], [other]) => (one < other ? -1 : 1))
    if (kinds.length > 0) {
      try {
        await store.transaction(({ kmsUsage }) => kmsUsage.add(kinds.map(([, row]) => row)))
      } catch (error) {
        for (const [, row] of kinds) add(row)
        throw error
      }
    }
    if (lost > 0) {
      onError(new Error(`${lost} calls to AWS KMS are in no account: the database was away too long`))
      lost = 0
    }
    if (performance.now() - forgotMs >= forgetMs) await forget()
  }

  // In steps, one with each flush, until nothing old is left.
  async function forget(): Promise<void> {
    const startedMs = performance.now()
    try {
      if (await store.kmsUsage.forget(keptDays)) return
    } catch (error) {
      onError(error)
    }
    forgotMs = startedMs
  }

  // One flush at a time: the next one stores the counts since the last one.
  function flush(): Promise<void> {
    const next = flushing.then(write)
    flushing = next.catch(() => undefined)
    return next
  }

  const timer = setInterval(() => void flush().catch(onError), flushMs)
  timer.unref()
  return {
    count({ action, region, tenantId, account, payer, outcome, requests }) {
      const day = store.clock.now().toISOString().slice(0, 10)
      const paidBy = payer === ownAccount ? 'keyhold' : 'customer'
      add({ tenantId, day, region, account, action, outcome, paidBy, calls: 1, requests })
    },
    flush,
    async close() {
      clearInterval(timer)
      await flush()
    },
  }
}
