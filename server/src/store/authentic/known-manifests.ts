// The manifests that this replica has found right, with what they list. The fence has their digest alone: when somebody has
// changed a row, it tells that, and not which one. Lists for people take what is remembered here to show the others beside it.
// Nothing is decided by it.
import { indexEntries, type ListedInManifest, type ManifestEntry } from './manifest.ts'

// Some 250 bytes each.
const maxEntries = 20_000
// A tenant with more would drive out all others.
const maxEntriesOfTenant = 2_000

export interface KnownManifests {
  /** @param digest - that of the entries */
  remember(tenantId: string, digest: Buffer, entries: Iterable<ManifestEntry>): void
  /** Undefined: this replica has not seen the rows as they were then, or has forgotten them. */
  find(tenantId: string, digest: Buffer): ListedInManifest | undefined
}

/** @param most - beyond that many entries, those of the tenant that was seen longest ago are forgotten */
export function createKnownManifests(most = maxEntries): KnownManifests {
  const known = new Map<string, { digest: Buffer; entries: readonly ManifestEntry[] }>()
  let count = 0

  function forget(tenantId: string): void {
    count -= known.get(tenantId)?.entries.length ?? 0
    known.delete(tenantId)
  }

  return {
    remember(tenantId, digest, entries) {
      const before = known.get(tenantId)
      const kept = before?.digest.equals(digest) === true ? before : { digest, entries: [...entries] }
      // The order of a map is that of the insertions.
      forget(tenantId)
      if (kept.entries.length > maxEntriesOfTenant) return
      known.set(tenantId, kept)
      count += kept.entries.length
      for (const oldest of known.keys()) {
        if (count <= most) return
        forget(oldest)
      }
    },
    find(tenantId, digest) {
      const found = known.get(tenantId)
      return found?.digest.equals(digest) === true ? indexEntries(found.entries) : undefined
    },
  }
}
