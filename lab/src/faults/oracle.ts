// The oracle sees the keys as they are, independently of what Keyhold believes: it reads rows with its own SQL, asks the
// KMS with the customer's own credentials, and opens keys with core alone.
import { unwrapDataKey, verifyKeyCheckValue, type TenantKey } from '@keyhold/core'
import type { Cluster } from '../../../testkit/src/cluster/start-cluster.ts'
import { openCustomerKms } from '../../../testkit/src/customer/customer-kms.ts'
import { openTenantKey } from '../rows/open-tenant-key.ts'
import type { WatchedTenant } from './watched-tenant.ts'

export interface Verdict {
  /** Data keys that were acknowledged and are gone or do not open any more. */
  lost: string[]
  /** Keys or plaintexts other than those that were recorded. */
  wrong: string[]
  /** Invariants of the rows themselves that do not hold. */
  broken: string[]
}

export interface Oracle {
  openTenantKey(tenantId: string, version: number): Promise<TenantKey>
  /** Opens every cipherkey of the tenant, through the key that its row names. */
  examine(tenant: WatchedTenant): Promise<Verdict>
  close(): void
}

interface CipherkeyRow {
  data_key_id: string
  version: number
  tenant_key_version: number
  wrapped: Buffer
  key_check_value: Buffer
  key_name: string | null
  created_at_ms: number
}

export function createOracle(cluster: Cluster): Oracle {
  const kms = openCustomerKms(cluster.kms.url)
  const source = { sql: cluster.sql, rootKey: cluster.rootKey, customerKms: kms }
  const open = (tenantId: string, version: number) => openTenantKey(source, tenantId, version)

  return {
    openTenantKey: open,

    async examine(tenant) {
      const verdict: Verdict = { lost: [], wrong: [], broken: [] }
      const { tenantId } = tenant
      const rows = (await cluster.sql(
        `select data_key_id, version, tenant_key_version, wrapped, key_check_value, key_name,
           floor(extract(epoch from created_at) * 1000)::float8 as created_at_ms from keyhold.cipherkeys
         where tenant_id = $1`,
        [tenantId],
      )) as unknown as CipherkeyRow[]
      const tenantKeys = new Map<number, TenantKey | Error>()
      for (const version of new Set(rows.map((row) => row.tenant_key_version))) {
        const opened = await open(tenantId, version).catch((error: unknown) => error as Error)
        tenantKeys.set(version, opened)
      }
      const seen = new Set<string>()
      for (const row of rows) {
        const name = `${row.data_key_id}/${row.version}`
        seen.add(name)
        const tenantKey = tenantKeys.get(row.tenant_key_version)
        if (tenantKey === undefined || tenantKey instanceof Error) {
          verdict.lost.push(`${tenantId} ${name}: ${tenantKey?.message ?? 'no tenant key'}`)
          continue
        }
        try {
          const dataKey = unwrapDataKey(
            tenantKey,
            { tenantId, id: row.data_key_id, version: row.version },
            { keyName: row.key_name ?? undefined, createdAtMs: row.created_at_ms },
            row.wrapped,
          )
          // Compared with the value of when the key was first seen, not with the one in the row.
          const recorded = tenant.checkValues.get(name) ?? row.key_check_value
          tenant.checkValues.set(name, recorded)
          verifyKeyCheckValue(dataKey, recorded)
        } catch (error) {
          verdict.wrong.push(`${tenantId} ${name}: ${String(error)}`)
        }
      }
      for (const name of tenant.checkValues.keys()) {
        if (!seen.has(name)) verdict.lost.push(`${tenantId} ${name}: the row is gone`)
      }
      verdict.broken.push(...(await brokenRows(tenantId)))
      return verdict
    },

    close() {
      kms.destroy()
    },
  }

  async function brokenRows(tenantId: string): Promise<string[]> {
    const [row] = await cluster.sql(
      `select
         (select count(*) from keyhold.key_jobs where tenant_id = $1 and phase not in ('done', 'aborted')) as live,
         (select count(*) from keyhold.tenant_keys where tenant_id = $1 and state = 'active') as active,
         (select count(*) from keyhold.key_providers where tenant_id = $1 and is_current) as current,
         (select count(*) from keyhold.tenants t join keyhold.tenant_keys k
            on k.tenant_id = t.id and k.version = t.active_tenant_key_version and k.state = 'active'
            where t.id = $1) as agreeing,
         (select count(*) from keyhold.cipherkeys c join keyhold.tenant_keys k
            on k.tenant_id = c.tenant_id and k.version = c.tenant_key_version
            where c.tenant_id = $1 and k.state in ('destroyed', 'pending')) as dangling`,
      [tenantId],
    )
    const counts = Object.fromEntries(Object.entries(row ?? {}).map(([name, value]) => [name, Number(value)]))
    const problems: string[] = []
    if ((counts.live ?? 0) > 1) problems.push(`${counts.live} live key jobs`)
    for (const name of ['active', 'current', 'agreeing']) {
      if (counts[name] !== 1) problems.push(`${counts[name]} ${name}`)
    }
    if (counts.dangling !== 0) problems.push(`${counts.dangling} cipherkeys under a version that is no key`)
    return problems.map((problem) => `${tenantId}: ${problem}`)
  }
}
