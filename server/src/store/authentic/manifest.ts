// The manifest of a tenant: a digest of all its rows of the kinds below, which stands in its fence. So a row that is missing,
// put back or added by somebody else is noticed, though every single row is authentic.
//
// Whoever changes such a row holds the fence alone, and tells the manifest. What is written at the end is made of the list
// that was checked at the beginning and of what was told since, never of what the database shows then: a row that somebody
// else added never gets in.
import { createHash } from 'node:crypto'
import { sql, type RawBuilder } from 'kysely'

/** The id itself, or an expression for it. */
type TenantId = string | RawBuilder<unknown>
type Part = (tenantId: TenantId) => RawBuilder<unknown>

/** Which rows of a tenant are in the manifest: the kind, the key within the tenant, and the rows of that sort. */
const parts = {
  tenantKey: (tenantId: TenantId) =>
    sql`select version::text, mac from keyhold.tenant_keys where tenant_id = ${tenantId}`,
  keyProvider: (tenantId: TenantId) =>
    sql`select fingerprint, mac from keyhold.key_providers where tenant_id = ${tenantId}`,
  /** Only while the key job is live. */
  keyJobTerms: (tenantId: TenantId) =>
    sql`select id::text, mac from keyhold.key_jobs where tenant_id = ${tenantId} and phase not in ('done', 'aborted')`,
  /** Only while it is open. */
  destruction: (tenantId: TenantId) => sql`
    select id::text, mac from keyhold.destructions
    where tenant_id = ${tenantId} and cancelled_at is null and destroyed_at is null`,
  minimumVersion: (tenantId: TenantId) =>
    sql`select data_key_id::text, mac from keyhold.minimum_versions where tenant_id = ${tenantId}`,
} satisfies Record<string, Part>

export type ManifestKind = keyof typeof parts

/** A row: its kind, its key within the tenant, its MAC. Null: it is not signed, which only counts before the adoption. */
export interface ManifestEntry {
  kind: ManifestKind
  key: string
  mac: Buffer | null
}

/** Hears of the writes of a transaction that holds a tenant's fence alone. */
export interface Manifest {
  /**
   * A row is written.
   *
   * @param key - within the tenant: the version of a tenant key, the fingerprint of a key provider, the id of a key job or
   * a destruction, the data key id of a minimum version
   */
  set(kind: ManifestKind, key: string | number, mac: Buffer): void

  /** A row is deleted, or is no longer of the sort that the manifest covers. */
  delete(kind: ManifestKind, key: string | number): void

  /** The MAC under which the manifest knows a row; undefined: it knows no such row. */
  find(kind: ManifestKind, key: string | number): Buffer | null | undefined

  /** The keys of all rows of a kind. */
  keys(kind: ManifestKind): string[]
}

/** A list of entries, found by kind and key. */
export type ListedInManifest = Pick<Manifest, 'find' | 'keys'>

/** Made once for each list: a tenant may have thousands of entries, and each row of a list is looked up. */
export function indexEntries(entries: Iterable<ManifestEntry>): ListedInManifest {
  const kinds = new Map<ManifestKind, Map<string, Buffer | null>>()
  for (const { kind, key, mac } of entries) {
    const ofKind = kinds.get(kind) ?? new Map<string, Buffer | null>()
    kinds.set(kind, ofKind.set(key, mac))
  }
  return {
    find: (kind, key) => kinds.get(kind)?.get(String(key)),
    keys: (kind) => [...(kinds.get(kind)?.keys() ?? [])],
  }
}

const label = Buffer.from('keyhold/manifest/1\0', 'ascii')

/**
 * The digest that stands in the fence:
 *
 *   SHA-256("keyhold/manifest/1" 00 ‖ u32 n ‖ n × (lp(kind) ‖ lp(key) ‖ lp(mac))), sorted by kind and key in bytes
 *   lp(x) = u16 length in bytes ‖ bytes; a row without a MAC has an empty one
 */
export function manifestDigest(entries: Iterable<ManifestEntry>): Buffer {
  const encoded = [...entries]
    .map(({ kind, key, mac }) => ({
      name: Buffer.concat([lengthPrefixed(Buffer.from(kind)), lengthPrefixed(Buffer.from(key))]),
      mac: lengthPrefixed(mac ?? Buffer.alloc(0)),
    }))
    .sort((a, b) => a.name.compare(b.name))
  const count = Buffer.alloc(4)
  count.writeUInt32BE(encoded.length)
  const hash = createHash('sha256').update(label).update(count)
  for (const { name, mac } of encoded) hash.update(name).update(mac)
  return hash.digest()
}

function lengthPrefixed(bytes: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** An expression for the rows of a tenant that belong into its manifest, as `readEntries` reads them. */
export function selectEntries(tenantId: TenantId): RawBuilder<unknown> {
  // Each for itself: a union of them takes PostgreSQL half as long again to plan.
  const selects = Object.entries(parts).map(
    ([kind, select]) => sql`(select json_agg(json_build_array(${sql.lit(kind)}, key, encode(mac, 'hex')))
      from (${select(tenantId)}) part(key, mac))`,
  )
  return sql`json_build_array(${sql.join(selects)})`
}

type SelectedEntry = readonly [ManifestKind, string, string | null]

/** Reads the answer to `selectEntries`: of each kind its rows, or null. */
export function readEntries(kinds: readonly (readonly SelectedEntry[] | null)[]): ManifestEntry[] {
  return kinds.flatMap((rows) =>
    (rows ?? []).map(([kind, key, mac]) => ({
      kind,
      key,
      mac: mac === null ? null : Buffer.from(mac, 'hex'),
    })),
  )
}

function refuse(): never {
  throw new TypeError('rows of a manifest are written under the fence, which is not held alone')
}

/** Where no fence is held alone. */
export const noManifest: Manifest = { set: refuse, delete: refuse, find: () => undefined, keys: () => [] }
