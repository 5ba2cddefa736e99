// Describes a tenant, apart from its cipherkeys, for the record of its deletion. It is read before anything of it is deleted.
import type { TransactionStore } from '../store/store.ts'

export async function describeTenant(
  transaction: TransactionStore,
  tenantId: string,
): Promise<{ name: string | null; tenantKeys: unknown[]; keyProviders: unknown[] }> {
  const tenant = await transaction.tenants.find(tenantId)
  const providers = await transaction.keyProviders.list(tenantId)
  return {
    name: tenant?.name ?? null,
    tenantKeys: await describeTenantKeys(transaction, tenantId),
    keyProviders: providers.map(({ fingerprint, keyArn }) => ({ fingerprint, keyArn })),
  }
}

async function describeTenantKeys({ tenantKeys }: TransactionStore, tenantId: string): Promise<unknown[]> {
  const versions: unknown[] = []
  for (const { version, state, keyArn, createdAt, destroyedAt } of await tenantKeys.list(tenantId)) {
    const row = await tenantKeys.find(tenantId, version)
    if (row === undefined) throw new TypeError('a tenant key version is gone under the fence')
    versions.push({
      id: row.id,
      version,
      state,
      keyArn,
      keyCheckValue: row.keyCheckValue.toString('hex'),
      createdAt: createdAt.toISOString(),
      destroyedAt: destroyedAt?.toISOString() ?? null,
    })
  }
  return versions
}
