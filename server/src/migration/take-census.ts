// Finds which of a tenant's cipherkeys open. It opens as many as there is time for, with the work that a migration
// does on them, and throws the results away. A version that does not open costs only its own cipherkeys.
import { generateKey, isKeyholdError, type Kms, type TenantKey } from '@keyhold/core'
import { newId } from '../keyring/new-id.ts'
import { openTenantKey } from '../keyring/open-tenant-key.ts'
import type { CipherkeyChunk } from '../store/cipherkeys/cipherkey-chunks.ts'
import type { CipherkeyPosition } from '../store/cipherkeys/cipherkeys.ts'
import type { Store } from '../store/store.ts'
import { openVersions, type RefusedVersion } from '../keyring/open-versions.ts'
import type { UnreadableCipherkey } from './engine/rewrap-records.ts'
import type { RewrapThreads } from './engine/rewrap-threads.ts'

export interface CipherkeyCensus {
  /** All of the tenant's cipherkeys when the rehearsal began. */
  total: number
  /** Whether there may be more than `total`: not all could be counted in time. */
  mayBeMore: boolean
  checked: number
  unreadable: number
  /** How many of the unreadable ones were accepted in an earlier key job: they hold no further one up. */
  accepted: number
  /** The first 100 unreadable ones. */
  named: UnreadableCipherkey[]
  /** Versions that wrap some of the unreadable ones, and whose KEK refuses to open them. */
  refused: RefusedVersion[]
  /** The reason why no more could be checked; undefined: all were, or the time was over. */
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
  /** The active tenant key, opened just now; undefined: it does not open, and nothing is checked. */
  tenantKey: TenantKey | undefined
  /** How many cipherkeys there were when the rehearsal began. */
  total: number
  mayBeMore: boolean
}

export async function takeCensus(
  { store, kms, threads, maxMs }: CensusParts,
  tenantId: string,
  { tenantKey: activeTenantKey, total, mayBeMore }: CensusOf,
): Promise<CipherkeyCensus> {
  const census: CipherkeyCensus = {
    ...{ total, mayBeMore },
    ...{ checked: 0, unreadable: 0, accepted: 0, named: [], refused: [] },
    error: undefined,
    readMs: 0,
    rewrapMs: 0,
  }
  if (activeTenantKey === undefined) return census
  const versions = createVersions({ store, kms }, tenantId, activeTenantKey)
  const target: TenantKey = {
    tenantId,
    id: newId(store.clock.now()),
    version: activeTenantKey.version + 1,
    // As a migration would make it.
    format: 2,
    key: generateKey(),
  }

  async function check(chunk: CipherkeyChunk): Promise<void> {
    await versions.open(chunk.tenantKeyVersions)
    const { sources, refused, away } = versions
    const startMs = performance.now()
    const order = { records: chunk.records, sources: [...sources.values()], target }
    const found = await threads.rewrap({ ...order, refused: [...refused.values(), ...away.values()] })
    census.rewrapMs += performance.now() - startMs
    // A cipherkey whose KEK only cannot be reached now is not checked: nobody knows whether it opens.
    const unreadable = found.unreadable.filter(({ tenantKeyVersion }) => !away.has(tenantKeyVersion))
    census.checked += chunk.rows - (found.unreadable.length - unreadable.length)
    // Traffic has made more meanwhile.
    census.total = Math.max(census.total, census.checked)
    census.unreadable += unreadable.length
    census.accepted += await store.keyJobFailures.countAcceptedBefore(tenantId, unreadable)
    census.named.push(...unreadable.slice(0, maxNamed - census.named.length))
  }

  const endMs = performance.now() + maxMs
  let after: CipherkeyPosition | undefined
  while (performance.now() < endMs) {
    const startMs = performance.now()
    const chunk = await store.cipherkeyChunks.next(tenantId, after, { limit: chunkRows })
    if (chunk === undefined) break
    census.readMs += performance.now() - startMs
    await check(chunk)
    after = chunk.last
  }
  const [firstAway] = versions.away.values()
  return { ...census, refused: [...versions.refused.values()], error: firstAway }
}

interface Versions {
  sources: ReadonlyMap<number, TenantKey>
  refused: ReadonlyMap<number, RefusedVersion>
  /** Versions that cannot be opened now, for a reason that says nothing about them. */
  away: ReadonlyMap<number, RefusedVersion>
  /** Opens those that were not tried before. */
  open(versions: readonly number[]): Promise<void>
}

function createVersions(
  parts: Pick<CensusParts, 'store' | 'kms'>,
  tenantId: string,
  activeTenantKey: TenantKey,
): Versions {
  const sources = new Map([[activeTenantKey.version, activeTenantKey]])
  const [refused, away] = [new Map<number, RefusedVersion>(), new Map<number, RefusedVersion>()]

  async function tryVersion(version: number): Promise<void> {
    if (sources.has(version) || refused.has(version) || away.has(version)) return
    try {
      const opened = await openVersions([version], () => openTenantKey(parts, tenantId, version))
      for (const source of opened.sources) sources.set(version, source)
      for (const refusal of opened.refused) refused.set(version, refusal)
    } catch (error) {
      if (!isKeyholdError(error)) throw error
      away.set(version, { version, code: error.code, message: error.message })
    }
  }

  return {
    ...{ sources, refused, away },
    async open(versions) {
      await Promise.all(versions.map(tryVersion))
    },
  }
}
