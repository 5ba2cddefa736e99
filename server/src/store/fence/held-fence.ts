// A fence that a transaction holds alone. It gathers what the transaction changes of the row and of the manifest, and writes
// the row once, signed, at the end.
import { KeyholdError } from '@keyhold/core'
import type { Authentic } from '../authentic/row-macs.ts'
import { manifestDigest, type Manifest, type ManifestEntry } from '../authentic/manifest.ts'
import type { Database } from '../database.ts'
import { readAnchors } from './anchors.ts'
import type { TakenFence } from './fence-queries.ts'
import { fenceOf, type Fence, type FenceParts, type FenceRow } from './fence-row.ts'

type FenceChanges = Partial<
  Pick<
    FenceRow,
    | 'fence_epoch'
    | 'active_tenant_key_version'
    | 'active_tenant_key_id'
    | 'current_fingerprint'
    | 'live_job_id'
    | 'ending_at'
  >
>

export interface HeldFence {
  readonly tenantId: string
  /** As it was taken. Undefined: there is no such tenant, or its deletion has begun. */
  readonly fence: Fence | undefined
  /** The database's time under the fence, in whole milliseconds: for signed times. */
  readonly now: Date
  readonly manifest: Manifest
  /** With the changes so far. Undefined: there is no such tenant. */
  readonly row: Readonly<FenceRow> | undefined
  /** A tenant is made, which nobody else sees yet. */
  begin(row: FenceRow): void
  change(changes: FenceChanges): void
  /** Writes the row with at least this generation. */
  leap(generation: number): void
  /** The tenant's row is deleted. */
  forget(): void
  /** Writes what was changed. */
  write(db: Database): Promise<void>
  /** Call it after the commit. */
  remember(): void
}

/** @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` when the tenant's rows are not those of its manifest */
export function holdFence(parts: FenceParts, tenantId: string, taken: TakenFence): HeldFence {
  const { macs, seen, manifests } = parts
  const { now } = taken
  let row = taken.row
  let storedMac = row?.mac ?? null
  let isChanged = false
  let writtenGeneration = 0
  let writtenManifest: Buffer | null = null
  let leastGeneration = 0
  const entries = new Map(taken.entries.map((entry) => [nameOf(entry.kind, entry.key), entry]))
  if (row !== undefined) checkManifest(parts, row, taken.entries)

  function tell(entry: ManifestEntry, isDeleted: boolean): void {
    if (isDeleted) entries.delete(nameOf(entry.kind, entry.key))
    else entries.set(nameOf(entry.kind, entry.key), entry)
    isChanged = true
  }

  return {
    tenantId,
    fence: row && fenceOf(parts, row as Authentic<FenceRow>),
    now,
    manifest: {
      set: (kind, key, mac) => {
        tell({ kind, key: String(key), mac }, false)
      },
      delete: (kind, key) => {
        tell({ kind, key: String(key), mac: null }, true)
      },
      find: (kind, key) => entries.get(nameOf(kind, String(key)))?.mac,
      keys: (kind) => [...entries.values()].flatMap((entry) => (entry.kind === kind ? [entry.key] : [])),
    },
    get row() {
      return row
    },
    begin(first) {
      row = first
      storedMac = first.mac
      isChanged = true
    },
    change(changes) {
      if (row === undefined) throw new TypeError(`tenant ${tenantId} has no fence to change`)
      row = { ...row, ...changes }
      isChanged = true
    },
    leap(generation) {
      leastGeneration = generation
      isChanged = true
    },
    forget() {
      writtenGeneration = (row?.generation ?? 0) + 1
      row = undefined
      entries.clear()
    },

    async write(db) {
      if (row === undefined || !isChanged) return
      const anchored = macs.requiresMacs()
        ? { ...row, manifest: manifestDigest(entries.values()) }
        : { ...row, ...(await readAnchors(db, row)) }
      const next = { ...anchored, generation: Math.max(row.generation + 1, leastGeneration) }
      const mac = macs.sign('fence', next)
      const written = await db
        .updateTable('tenants')
        .set({
          fence_epoch: next.fence_epoch,
          active_tenant_key_version: next.active_tenant_key_version,
          active_tenant_key_id: next.active_tenant_key_id,
          current_fingerprint: next.current_fingerprint,
          live_job_id: next.live_job_id,
          ending_at: next.ending_at,
          manifest: next.manifest,
          generation: next.generation,
          mac,
        })
        .where('id', '=', tenantId)
        .where('mac', 'is not distinct from', storedMac)
        .returning('id')
        .executeTakeFirst()
      if (written === undefined) throw changedMeanwhile(tenantId)
      writtenGeneration = next.generation
      writtenManifest = next.manifest
    },
    remember() {
      if (writtenGeneration > 0) seen.raise(tenantId, writtenGeneration)
      if (writtenManifest !== null && macs.requiresMacs())
        manifests.remember(tenantId, writtenManifest, entries.values())
    },
  }
}

/** @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` */
export function checkManifest(
  { macs, manifests }: Pick<FenceParts, 'macs' | 'manifests'>,
  row: FenceRow,
  entries: readonly ManifestEntry[],
): void {
  if (row.manifest === null && !macs.requiresMacs()) return
  if (row.manifest?.equals(manifestDigest(entries)) === true)
    manifests.remember(row.id, row.manifest, entries)
  else macs.reject('fence', row, 'incomplete')
}

function nameOf(kind: string, key: string): string {
  return `${kind}/${key}`
}

function changedMeanwhile(tenantId: string): KeyholdError {
  return new KeyholdError('ERR_RECORD_NOT_AUTHENTIC', {
    message: `The fence of tenant ${tenantId} was changed by somebody who did not hold it.`,
  })
}
