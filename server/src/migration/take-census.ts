// Finds which of a tenant's cipherkeys open. It opens as many as there is time for, with the work that a migration
// does on them, and throws the results away.
import { generateKey, isKeyholdError, type Kms, type TenantKey } from '@keyhold/core'
import { newId } from '../keyring/new-id.ts'
import { openTenantKey } from '../keyring/open-tenant-key.ts'
import type { CipherkeyPosition } from '../store/cipherkeys/cipherkeys.ts'
import type { Store } from '../store/store.ts'
import type { UnreadableCipherkey } from './engine/rewrap-records.ts'
import type { RewrapThreads } from './engine/rewrap-threads.ts'

export interface CipherkeyCensus {
  /** All of the tenant's cipherkeys when the rehearsal began. */
  total: number
  checked: number
  unreadable: number
  /** The first 100 of them. */
  named: UnreadableCipherkey[]
  /** The reason why no more could be opened; undefined: all were, or the time was over. */
  error: { code: string; message: string } | undefined
  /** The total time of reading and rewrapping. */
  readMs: number
  rewrapMs: number
}

export interface CensusParts {
  store: Store
  kms: Kms
  threads: RewrapThreads
  /** How long cipherkeys are opened at most. */
  maxMs: number
}

const maxNamed = 100
const chunkRows = 1_000

export interface CensusOf {
  /** The active tenant key, opened just now; undefined: it does not open, and no cipherkey can be opened. */
  tenantKey: TenantKey | undefined
  /** How many cipherkeys there were when the rehearsal began. */
  total: number
}

export async function takeCensus(
  { store, kms, threads, maxMs }: CensusParts,
  tenantId: string,
  { tenantKey: activeTenantKey, total }: CensusOf,
): Promise<CipherkeyCensus> {
  const census: CipherkeyCensus = {
    total,
    checked: 0,
    unreadable: 0,
    named: [],
    error: undefined,
    readMs: 0,
    rewrapMs: 0,
  }
  if (activeTenantKey === undefined) return census
  const keys = new Map([[activeTenantKey.version, activeTenantKey]])
  const target: TenantKey = {
    tenantId,
    id: newId(),
    version: activeTenantKey.version + 1,
    key: generateKey(),
  }
  const endMs = performance.now() + maxMs
  let after: CipherkeyPosition | undefined
  try {
    while (performance.now() < endMs) {
      const startMs = performance.now()
      const chunk = await store.cipherkeyChunks.next(tenantId, after, { limit: chunkRows })
      if (chunk === undefined) break
      const readMs = performance.now() - startMs
      const sources = await Promise.all(
        chunk.tenantKeyVersions.map((version) => openOnce({ store, kms }, tenantId, version, keys)),
      )
      const rewrapStartMs = performance.now()
      const { unreadable } = await threads.rewrap({ records: chunk.records, sources, target })
      census.rewrapMs += performance.now() - rewrapStartMs
      census.readMs += readMs
      census.checked += chunk.rows
      // Traffic has made more meanwhile.
      census.total = Math.max(census.total, census.checked)
      census.unreadable += unreadable.length
      census.named.push(...unreadable.slice(0, maxNamed - census.named.length))
      after = chunk.last
    }
  } catch (error) {
    if (!isKeyholdError(error)) throw error
    census.error = { code: error.code, message: error.message }
  }
  return census
}

async function openOnce(
  parts: Pick<CensusParts, 'store' | 'kms'>,
  tenantId: string,
  version: number,
  opened: Map<number, TenantKey>,
): Promise<TenantKey> {
  const known = opened.get(version)
  if (known !== undefined) return known
  const tenantKey = await openTenantKey(parts, tenantId, version)
  opened.set(version, tenantKey)
  return tenantKey
}
