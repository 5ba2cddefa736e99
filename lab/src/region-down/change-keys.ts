// New tenant keys and migrations while a region is down: whether they go through, how long they take, what they say.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from '../../../testkit/src/cluster/cluster.ts'
import type { RevocableTenant } from '../revocation/revocable-tenant.ts'

export interface KeyChange {
  what: string
  /** `done`, what the request was refused with, or the phase in which it still is when nobody waits any longer. */
  outcome: string
  seconds: number
}

const base = '/api/v1/encryption'
const pollMs = 250

async function ask(
  cluster: Cluster,
  { adminToken }: RevocableTenant,
  method: string,
  path: string,
): Promise<{ status: number; text: string }> {
  const url = cluster.replicas[0]?.url ?? ''
  const reply = await fetch(`${url}${base}${path}`, {
    method,
    headers: { authorization: `Bearer ${adminToken}` },
    signal: AbortSignal.timeout(30_000),
  })
  return { status: reply.status, text: await reply.text() }
}

async function watched(
  cluster: Cluster,
  tenant: RevocableTenant,
  { what, path, patienceMs }: { what: string; path: string; patienceMs: number },
): Promise<KeyChange> {
  const startMs = performance.now()
  const change = (outcome: string): KeyChange => ({
    what,
    outcome,
    seconds: Math.round((performance.now() - startMs) / 100) / 10,
  })
  const { status, text } = await ask(cluster, tenant, 'POST', path)
  if (status >= 300) return change(`${status} ${/"code":"([^"]+)"/.exec(text)?.[1] ?? ''}`)
  for (;;) {
    const [job] = await cluster.sql(
      `select phase, last_error from keyhold.key_jobs where tenant_id = $1 order by created_at desc limit 1`,
      [tenant.tenantId],
    )
    if (job?.phase === 'done') return change('done')
    if (performance.now() - startMs > patienceMs)
      return change(`${String(job?.phase)}, ${JSON.stringify(job?.last_error)}`)
    await sleep(pollMs)
  }
}

/** A new version of the tenant's key under the key that it has. */
export function rotate(cluster: Cluster, tenant: RevocableTenant, patienceMs: number): Promise<KeyChange> {
  return watched(cluster, tenant, {
    what: 'new tenant key',
    path: '/tenant-key/actions/rotate',
    patienceMs,
  })
}

export function migrateToInternal(
  cluster: Cluster,
  tenant: RevocableTenant,
  patienceMs: number,
): Promise<KeyChange> {
  return watched(cluster, tenant, {
    what: 'migration from the key to the internal KMS',
    path: '/keyproviders/actions/reset-to-default-provider',
    patienceMs,
  })
}

export function migrateToKey(
  cluster: Cluster,
  tenant: RevocableTenant,
  patienceMs: number,
): Promise<KeyChange> {
  return watched(cluster, tenant, {
    what: 'migration from the internal KMS to the key',
    path: `/keyproviders/${tenant.fingerprint}/actions/migrate`,
    patienceMs,
  })
}
