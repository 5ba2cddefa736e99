// Describes a tenant, apart from its cipherkeys, for the record of its deletion. It is read before anything of it is deleted.
import type { TransactionStore } from '../store/store.ts'

export async function describeTenant(
  transaction: TransactionStore,
  tenantId: string,
): Promise<{ name: string | null; tenantKeys: unknown[]; keyProviders: unknown[] }> {
  const tenant = await transaction.tenants.find(tenantId)
  const versions = await transaction.tenantKeys.describeAll(tenantId)
  // One that somebody has changed keeps nobody from deleting the tenant, and nothing that it says is signed.
  const providers = await transaction.keyProviders.listShown(tenantId)
  return {
    name: tenant?.name ?? null,
    tenantKeys: versions.map((row) => ({
      id: row.id,
      version: row.version,
      state: row.state,
      keyArn: row.keyArn,
      keyCheckValue: row.keyCheckValue.toString('hex'),
      createdAt: row.createdAt.toISOString(),
      destroyedAt: row.destroyedAt?.toISOString() ?? null,
    })),
    keyProviders: providers.map((row) =>
      row.isTampered === true
        ? { fingerprint: row.fingerprint, tampered: true }
        : { fingerprint: row.fingerprint, keyArn: row.keyArn },
    ),
  }
}
