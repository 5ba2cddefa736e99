// A customer takes the key away in the middle of everything, and gives it back. In between, from the bound on, nobody
// may decrypt, no matter what dies, is cut or is lost meanwhile.
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { setTimeout as sleep } from 'node:timers/promises'
import { cacheTtlSeconds, type Cluster } from '../../../testkit/src/cluster/start-cluster.ts'
import { openCustomerKms } from '../../../testkit/src/customer/customer-kms.ts'
import type { SeededRandom } from '../../../testkit/src/statistics/seeded-random.ts'
import { ask } from '../requests/ask.ts'
import type { WatchedTenant } from './watched-tenant.ts'

export interface Revocations {
  /** Revocations during which no migration gave the tenant another key. */
  conclusive: number
  inconclusive: number
  /** From the revocation to the last reply that held a plaintext, in milliseconds. */
  latestMs: number
  /** From the key's return to the first reply that held a plaintext, in milliseconds. */
  slowestReturnMs: number
  problems: string[]
}

export function createRevocations(): Revocations {
  return { conclusive: 0, inconclusive: 0, latestMs: 0, slowestReturnMs: 0, problems: [] }
}

/** After the KMS's first refusal; it comes no later than when the last use of the key before it is a TTL old. */
const boundMs = (cacheTtlSeconds + 5) * 1_000
const watchedMs = boundMs + 4_000
const returnMs = 60_000
const pollMs = 200
const timeoutMs = 4_000
const callAttempts = 100

export async function revokeKey(
  cluster: Cluster,
  tenants: readonly WatchedTenant[],
  random: SeededRandom,
  revocations: Revocations,
): Promise<void> {
  const found = await pickKey(cluster, tenants, random)
  if (found === undefined) return
  const { tenant, keyArn } = found
  const kms = openCustomerKms(cluster.kms.url)
  try {
    tenant.revokedUntilMs = Number.POSITIVE_INFINITY
    const [clock] = await cluster.sql('select now() as at')
    await insist(() => kms.send(new DisableKeyCommand({ KeyId: keyArn })))
    const lastMs = await lastPlaintext(cluster, tenant, performance.now() + watchedMs)
    const isConclusive = !(await hasMoved(cluster, tenant, clock?.at))
    await insist(() => kms.send(new EnableKeyCommand({ KeyId: keyArn })))
    const returnedMs = await firstPlaintext(cluster, tenant)
    revocations[isConclusive ? 'conclusive' : 'inconclusive'] += 1
    if (isConclusive) {
      revocations.latestMs = Math.max(revocations.latestMs, lastMs)
      if (lastMs > boundMs)
        revocations.problems.push(`${tenant.tenantId}: a plaintext ${lastMs} ms after the end`)
    }
    revocations.slowestReturnMs = Math.max(revocations.slowestReturnMs, returnedMs)
    if (returnedMs > returnMs) revocations.problems.push(`${tenant.tenantId}: back after ${returnedMs} ms`)
  } finally {
    // Another replica may still believe that the key is away, until it looks again.
    tenant.revokedUntilMs = performance.now() + returnMs
    kms.destroy()
  }
}

// The KMS's faults meet the customer's own calls as well.
async function insist(call: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await call()
      return
    } catch (error) {
      if (attempt === callAttempts) throw error
      await sleep(pollMs)
    }
  }
}

async function pickKey(cluster: Cluster, tenants: readonly WatchedTenant[], random: SeededRandom) {
  const rows = await cluster.sql(
    `select tenant_id, key_arn from keyhold.key_providers p where kms = 'aws' and is_current and not exists
       (select from keyhold.key_jobs j where j.tenant_id = p.tenant_id and j.phase not in ('done', 'aborted'))
     order by tenant_id`,
  )
  const candidates = rows.flatMap(({ tenant_id: id, key_arn: keyArn }) => {
    const tenant = tenants.find(({ tenantId, tokens }) => tenantId === id && tokens.length > 0)
    return tenant === undefined || isRevoked(tenant) ? [] : [{ tenant, keyArn: String(keyArn) }]
  })
  return candidates.length === 0 ? undefined : random.pick(candidates)
}

export function isRevoked({ revokedUntilMs }: WatchedTenant): boolean {
  return performance.now() < revokedUntilMs
}

async function hasMoved(cluster: Cluster, { tenantId }: WatchedTenant, since: unknown): Promise<boolean> {
  const [row] = await cluster.sql(
    `select count(*) as jobs from keyhold.key_jobs
     where tenant_id = $1 and (phase not in ('done', 'aborted') or completed_at > $2)`,
    [tenantId, since],
  )
  return Number(row?.jobs) > 0
}

/** Answers the time of the last plaintext, in milliseconds from the call of this function. */
async function lastPlaintext(cluster: Cluster, tenant: WatchedTenant, untilMs: number): Promise<number> {
  const startMs = performance.now()
  let lastMs = 0
  while (performance.now() < untilMs) {
    const asked = cluster.replicas.map(async ({ url }) => {
      const askedMs = performance.now()
      // A replica that stood still answers late: its answer is as old as the question.
      if (url !== undefined && (await isReadable(url, tenant))) lastMs = Math.max(lastMs, askedMs - startMs)
    })
    await Promise.all(asked)
    await sleep(pollMs)
  }
  return Math.round(lastMs)
}

async function firstPlaintext(cluster: Cluster, tenant: WatchedTenant): Promise<number> {
  const startMs = performance.now()
  for (;;) {
    for (const { url } of cluster.replicas) {
      if (url !== undefined && (await isReadable(url, tenant))) return Math.round(performance.now() - startMs)
    }
    if (performance.now() - startMs > 2 * returnMs) return Number.POSITIVE_INFINITY
    await sleep(pollMs)
  }
}

async function isReadable(url: string, { serviceToken, tokens }: WatchedTenant): Promise<boolean> {
  const path = '/api/v1/encryption/decrypt'
  const body = { items: [{ token: tokens[0]?.token }] }
  const { status, text } = await ask({ url, token: serviceToken, path, body, timeoutMs })
  return status === 200 && text.includes('"plaintext"')
}
