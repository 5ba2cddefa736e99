// Limits the requests that Keyhold sends to AWS KMS. The quota of AWS is per calling account and region, and one account,
// Keyhold's own, calls for all tenants. Without a budget the burst of one tenant would use up everybody's quota, and tests
// of keys would use up that of decryption. There are token buckets of one second, one for every account and region and one
// for every tenant in it. Less urgent calls leave a part of both untouched.

/** The purposes of calls, the most urgent first: to open tenant keys; to make them; to test, probe or look at keys. */
export const kmsPriorities = ['decrypt', 'generate', 'try'] as const
export type KmsPriority = (typeof kmsPriorities)[number]

/** The facts about a request that the budget needs. */
export interface Spender {
  /** The account whose quota is used: that of the customer's role, or `keyhold`. */
  payer: string
  region: string
  tenantId: string
  priority: KmsPriority
}

export interface KmsBudgetOptions {
  /** In each account and region, all replicas together. 0: no limit. */
  requestsPerSecond: number
  /** How many replicas share the limit. Asked each time, because it may change. Default: 1. */
  replicas?: () => number
  /** The share that one tenant may use. 1 to 100. */
  tenantSharePercent: number
  /** The share of both that is kept for `decrypt`. 0 to 99. */
  decryptReservePercent: number
  /** Monotonic milliseconds. Default: the process's own. */
  clock?: (() => number) | undefined
}

/** Zero: the request is paid for and may be sent. Otherwise when to ask again, and which bucket is empty. */
export type Admission = { waitMs: 0 } | { waitMs: number; emptied: 'account' | 'tenant' }

export interface KmsBudget {
  /** Takes one request, or nothing. */
  take(spender: Spender): Admission
  /** Takes the requests that the SDK has repeated by itself. Later requests wait for them. */
  charge(spender: Spender, requests: number): void
}

interface Bucket {
  /** Negative: that many requests have been sent in advance. */
  level: number
  capacity: number
  updatedMs: number
}

const maxBuckets = 10_000

export function createKmsBudget({
  requestsPerSecond,
  tenantSharePercent,
  decryptReservePercent,
  replicas = () => 1,
  clock = () => performance.now(),
}: KmsBudgetOptions): KmsBudget {
  if (requestsPerSecond === 0) return { take: () => ({ waitMs: 0 }), charge: () => undefined }
  const accountRate = () => requestsPerSecond / replicas()
  const tenantRate = () => (accountRate() * tenantSharePercent) / 100
  const accounts = new Map<string, Bucket>()
  const tenants = new Map<string, Bucket>()

  function refilled(buckets: Map<string, Bucket>, name: string, perSecond: number): Bucket {
    const nowMs = clock()
    const capacity = Math.max(1, perSecond)
    let bucket = buckets.get(name)
    if (bucket === undefined) {
      if (buckets.size >= maxBuckets) forgetFull(buckets, perSecond)
      bucket = { level: capacity, capacity, updatedMs: nowMs }
      buckets.set(name, bucket)
    }
    bucket.capacity = capacity
    bucket.level = Math.min(bucket.capacity, bucket.level + ((nowMs - bucket.updatedMs) / 1_000) * perSecond)
    bucket.updatedMs = nowMs
    return bucket
  }

  const accountOf = ({ payer, region }: Spender) => refilled(accounts, `${payer}/${region}`, accountRate())

  const tenantOf = ({ payer, region, tenantId }: Spender) =>
    refilled(tenants, `${payer}/${region}/${tenantId}`, tenantRate())

  // A full bucket need not be kept. If none is full, the oldest go, and begin anew. Customers name accounts and regions.
  function forgetFull(buckets: Map<string, Bucket>, perSecond: number): void {
    const nowMs = clock()
    for (const [name, { level, capacity, updatedMs }] of buckets) {
      const levelNow = level + ((nowMs - updatedMs) / 1_000) * perSecond
      if (levelNow >= capacity) buckets.delete(name)
    }
    for (const name of buckets.keys()) {
      if (buckets.size < maxBuckets) return
      buckets.delete(name)
    }
  }

  function waitMs({ level, capacity }: Bucket, perSecond: number, priority: KmsPriority): number {
    const missing = 1 + floorOf(priority, capacity) - level
    return missing <= 0 ? 0 : Math.max(1, (missing / perSecond) * 1_000)
  }

  // Below this level, calls of the priority take nothing. A full bucket lets every priority take something.
  function floorOf(priority: KmsPriority, capacity: number): number {
    const reserve = (capacity * decryptReservePercent) / 100
    const floor = { decrypt: 0, generate: reserve, try: (reserve + capacity) / 2 }[priority]
    return Math.min(floor, capacity - 1)
  }

  return {
    take(spender) {
      const account = accountOf(spender)
      const accountMs = waitMs(account, accountRate(), spender.priority)
      if (accountMs > 0) return { waitMs: accountMs, emptied: 'account' }
      const tenant = tenantOf(spender)
      const tenantMs = waitMs(tenant, tenantRate(), spender.priority)
      if (tenantMs > 0) return { waitMs: tenantMs, emptied: 'tenant' }
      account.level -= 1
      tenant.level -= 1
      return { waitMs: 0 }
    },
    charge(spender, requests) {
      for (const bucket of [accountOf(spender), tenantOf(spender)])
        bucket.level = Math.max(-bucket.capacity, bucket.level - requests)
    },
  }
}
