// How many requests Keyhold lets itself send to AWS KMS. The quota of AWS is per calling account and region, and one
// account, Keyhold's own, calls for all tenants: without a budget one tenant's burst would use up everybody's quota, and
// tries of keys that of decryption. Token buckets of one second each, one for every account and region and one for every
// tenant in it; what is less urgent leaves a part of both untouched.

/** What a call is for, the most urgent first: opening tenant keys; making them; tries, probes and looks. */
export const kmsPriorities = ['decrypt', 'generate', 'try'] as const
export type KmsPriority = (typeof kmsPriorities)[number]

/** Who sends what, as far as the budget is concerned. */
export interface Spender {
  /** The account whose quota it is: that of the customer's role, or `keyhold`. */
  payer: string
  region: string
  tenantId: string
  priority: KmsPriority
}

export interface KmsBudgetOptions {
  /** In each account and region. 0: no limit. */
  requestsPerSecond: number
  /** How much of that one tenant may use. 1 to 100. */
  tenantSharePercent: number
  /** How much of both is kept for `decrypt`. 0 to 99. */
  decryptReservePercent: number
  /** Monotonic milliseconds. Default: the process's own. */
  clock?: (() => number) | undefined
}

/** Zero: the request is paid for and may be sent. Else when to ask again, and whose bucket is empty. */
export type Admission = { waitMs: 0 } | { waitMs: number; emptied: 'account' | 'tenant' }

export interface KmsBudget {
  /** Takes one request, or nothing. */
  take(spender: Spender): Admission
  /** Takes what was sent besides, as the SDK tries again by itself; the next ones wait for it. */
  charge(spender: Spender, requests: number): void
}

interface Bucket {
  /** Negative: so many have been sent in advance. */
  level: number
  readonly capacity: number
  updatedMs: number
}

const maxTenantBuckets = 10_000

export function createKmsBudget({
  requestsPerSecond,
  tenantSharePercent,
  decryptReservePercent,
  clock = () => performance.now(),
}: KmsBudgetOptions): KmsBudget {
  if (requestsPerSecond === 0) return { take: () => ({ waitMs: 0 }), charge: () => undefined }
  const tenantRequestsPerSecond = (requestsPerSecond * tenantSharePercent) / 100
  const accounts = new Map<string, Bucket>()
  const tenants = new Map<string, Bucket>()

  function refilled(buckets: Map<string, Bucket>, name: string, perSecond: number): Bucket {
    const nowMs = clock()
    let bucket = buckets.get(name)
    if (bucket === undefined) {
      const capacity = Math.max(1, perSecond)
      bucket = { level: capacity, capacity, updatedMs: nowMs }
      buckets.set(name, bucket)
    }
    bucket.level = Math.min(bucket.capacity, bucket.level + ((nowMs - bucket.updatedMs) / 1_000) * perSecond)
    bucket.updatedMs = nowMs
    return bucket
  }

  const accountOf = ({ payer, region }: Spender) =>
    refilled(accounts, `${payer}/${region}`, requestsPerSecond)

  function tenantOf({ payer, region, tenantId }: Spender): Bucket {
    if (tenants.size >= maxTenantBuckets) forgetFull()
    return refilled(tenants, `${payer}/${region}/${tenantId}`, tenantRequestsPerSecond)
  }

  // A full one is as good as none; if none is full, the oldest go, and some tenants begin anew.
  function forgetFull(): void {
    const nowMs = clock()
    for (const [name, { level, capacity, updatedMs }] of tenants) {
      const levelNow = level + ((nowMs - updatedMs) / 1_000) * tenantRequestsPerSecond
      if (levelNow >= capacity) tenants.delete(name)
    }
    for (const name of tenants.keys()) {
      if (tenants.size < maxTenantBuckets) return
      tenants.delete(name)
    }
  }

  function waitMs({ level, capacity }: Bucket, perSecond: number, priority: KmsPriority): number {
    const missing = 1 + floorOf(priority, capacity) - level
    return missing <= 0 ? 0 : Math.max(1, (missing / perSecond) * 1_000)
  }

  // Below it, calls of this priority take nothing. A bucket that is full lets everyone take something.
  function floorOf(priority: KmsPriority, capacity: number): number {
    const reserve = (capacity * decryptReservePercent) / 100
    const floor = { decrypt: 0, generate: reserve, try: (reserve + capacity) / 2 }[priority]
    return Math.min(floor, capacity - 1)
  }

  return {
    take(spender) {
      const account = accountOf(spender)
      const accountMs = waitMs(account, requestsPerSecond, spender.priority)
      if (accountMs > 0) return { waitMs: accountMs, emptied: 'account' }
      const tenant = tenantOf(spender)
      const tenantMs = waitMs(tenant, tenantRequestsPerSecond, spender.priority)
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
