// Run by a test in a process of its own: it fills the caches of a replica with keys in use, and prints how many bytes they
// take. Room in the heap that is free again does not count, since requests leave much more of it.
import { encryptValue, generateKey, keyCheckValue, type Kms, type TenantKey } from '@keyhold/core'
import { createDataKeyCache } from '../../src/keyring/data-key-cache.ts'
import { newCipherkey } from '../../src/keyring/new-cipherkey.ts'
import { newId } from '../../src/keyring/new-id.ts'
import { createTenantKeyCache } from '../../src/keyring/tenant-key-cache.ts'
import type { CipherkeyPosition } from '../../src/store/cipherkeys/cipherkeys.ts'
import type { Store } from '../../src/store/store.ts'
import { keyCacheSizes } from '../../src/wiring/key-cache-sizes.ts'

const mib = Number(process.argv[2])
const sizes = keyCacheSizes(mib)
const keyNamesOfEach = 2

const tenants = new Map<string, ReturnType<typeof newTenant>>()
function newTenant(tenantId: string) {
  const tenantKey: TenantKey = { tenantId, id: newId(new Date()), version: 1, format: 2, key: generateKey() }
  const row = {
    ...{
      tenantId,
      id: tenantKey.id,
      version: 1,
      state: 'active',
      format: 2,
      isLocked: false,
      isBelieved: true,
    },
    keyArn: `arn:aws:kms:eu-west-1:222222222222:key/mrk-${newId(new Date())}`,
    ...{ wrapped: Buffer.alloc(1), keyCheckValue: keyCheckValue(tenantKey) },
  }
  return { tenantKey, row }
}

const clock = () => 0
const store = {
  tenantKeys: { find: (tenantId: string) => Promise.resolve({ ...tenants.get(tenantId)?.row }) },
  cipherkeys: {
    listActive: (tenantId: string, keyNames: string[]) =>
      Promise.resolve(keyNames.map((keyName) => ({ ...rowOf(tenantId, keyName), ageMs: 0 }))),
    listFound: (_: string, positions: CipherkeyPosition[]) => Promise.resolve(positions.map(() => undefined)),
  },
} as unknown as Store
const kms = {
  // The key as a KMS answers it, of which nothing else is kept.
  unwrapTenantKey: (_: string, __: Buffer, { tenantId }: { tenantId: string }) =>
    Promise.resolve(tenants.get(tenantId)?.tenantKey.key),
} as unknown as Kms

function rowOf(tenantId: string, keyName: string) {
  const tenantKey = tenants.get(tenantId)?.tenantKey
  if (tenantKey === undefined) throw new Error('no such tenant')
  return {
    ...newCipherkey(tenantKey, { dataKeyId: newId(new Date()), version: 1, keyName, createdAt: new Date(0) }),
    destroyInMs: 1e9,
  }
}

const collectGarbage = () => {
  for (let round = 0; round < 4; round++) globalThis.gc?.()
}

function usedBytes(): number {
  const { rss, heapTotal, heapUsed } = process.memoryUsage()
  return rss - heapTotal + heapUsed
}

const tenantKeys = createTenantKeyCache({
  ...{ store, kms, clock, ttl: { minMs: 0, maxMs: 60_000 } },
  ...{ maxEntries: sizes.tenantKeys, maxEntriesPerTenant: sizes.tenantKeysOfOneTenant },
})
const dataKeys = createDataKeyCache({
  ...{ store, tenantKeys, clock, maxKeyNames: 100, maxDataKeyAgeMs: 1e12 },
  ...{ maxEntries: sizes.dataKeys, maxEntriesPerTenant: sizes.dataKeysOfOneTenant },
})
collectGarbage()
const before = usedBytes()
for (let each = 0; each < sizes.tenantKeys; each++) {
  const tenantId = newId(new Date())
  tenants.set(tenantId, newTenant(tenantId))
  for (let name = 0; name < keyNamesOfEach; name++) {
    encryptValue(
      await dataKeys.getActive(tenantId, `name-${name}-${newId(new Date())}`),
      {},
      Buffer.from('value'),
    )
  }
  tenants.delete(tenantId)
}
collectGarbage()
const entries = tenantKeys.counts().entries + dataKeys.counts().entries
process.stdout.write(JSON.stringify({ entries, bytes: usedBytes() - before }))
