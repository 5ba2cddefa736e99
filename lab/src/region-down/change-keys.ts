// New tenant keys and migrations while a region is down: whether they go through, how long they take, and their errors.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from '../../../testkit/src/cluster/start-cluster.ts'
import { ask } from '../requests/ask.ts'
import type { RevocableTenant } from '../revocation/revocable-tenant.ts'

export interface KeyChange {
  what: string
  /** `done`, or the refusal of the request, or the phase in which the key job still is when the patience ends. */
  outcome: string
  seconds: number
}

const base = '/api/v1/encryption'
const pollMs = 250
const timeoutMs = 30_000

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
  const url = cluster.replicas[0]?.url ?? ''
  const { status = 0, answer } = await ask({
    url,
    token: tenant.adminToken,
    path: `${base}${path}`,
    timeoutMs,
  })
  if (status < 200 || status >= 300) return change(answer)
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

/** Makes a new version of the tenant key under the KEK that the tenant has. */
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
