// The shape of a key: the part that all its Regions share, the part of each Region, and the state that follows from
// them. The shape of an alias, which belongs to one Region.
// Records are immutable: a change makes a new record, so that nothing half-changed is ever seen or saved. They are
// stored under these names. Their times are milliseconds since 1970.
import type { Grant } from './grant.ts'
import type { KeySpec, KeyUsage } from './key-spec.ts'
import { encodeKmsArn } from './kms-arn.ts'

export interface KeyRecord {
  readonly account: string
  readonly keyId: string
  readonly spec: KeySpec
  readonly usage: KeyUsage
  readonly multiRegion: boolean
  /** Absent: `AWS_KMS`. */
  readonly origin?: KeyOrigin | undefined
  readonly primaryRegion: string
  /**
   * Oldest first; the last one encrypts, all of them decrypt. Empty for keys that are no AES keys, and for those whose
   * material is imported.
   */
  readonly materials: readonly KeyMaterial[]
  /** Of origin EXTERNAL: the materials that the key has had, oldest first. Each Region has their secrets, or not. */
  readonly imports?: readonly MaterialName[] | undefined
  /** Of origin EXTERNAL: the material that the next rotation makes the current one. */
  readonly nextImport?: MaterialName | undefined
  /** Automatic rotation; absent when disabled. */
  readonly rotation?: { readonly periodDays: number; readonly enabledAt: number } | undefined
  /** Of a key in a custom key store. */
  readonly customKeyStore?: KeyInStore | undefined
  readonly regions: Readonly<Partial<Record<string, RegionalKey>>>
}

export type KeyOrigin = 'AWS_KMS' | 'EXTERNAL' | 'AWS_CLOUDHSM' | 'EXTERNAL_KEY_STORE'

export interface KeyInStore {
  readonly id: string
  readonly cloudHsmClusterId?: string | undefined
  /** The external key's id. */
  readonly xksKeyId?: string | undefined
}

export interface MaterialName {
  /** 64 hex digits. */
  readonly id: string
  /** Of a material that a rotation on demand made the current one: when. */
  readonly rotatedAt?: number | undefined
}

export interface KeyMaterial extends MaterialName {
  /** 32 bytes in base64. */
  readonly secret: string
}

export interface ImportedMaterial extends KeyMaterial {
  /** From then on it is gone. Absent: it does not expire. */
  readonly validTo?: number | undefined
  readonly description?: string | undefined
}

/** The answer of GetParametersForImport. */
export interface ImportParameters {
  /** 64 hex digits, inside the import token. */
  readonly tokenId: string
  readonly algorithm: string
  /** PKCS #8 in base64. */
  readonly privateKey: string
  readonly validTo: number
}

export interface RegionalKey {
  readonly created: number
  /** Until then a new replica is Creating. */
  readonly readyAt: number
  /** Until then the key is Updating: its primary moves from one Region to another. */
  readonly updatingUntil?: number | undefined
  readonly description: string
  readonly enabled: boolean
  readonly policy: string
  readonly tags: readonly Tag[]
  /** Absent: none. */
  readonly grants?: readonly Grant[] | undefined
  /** The imported materials whose secrets are here. */
  readonly imported?: readonly ImportedMaterial[] | undefined
  /** The newest ones; the oldest first. */
  readonly importParameters?: readonly ImportParameters[] | undefined
  /** The states that spreading changes have replaced; the earliest first. */
  readonly superseded?: readonly Superseded[] | undefined
  /** A primary that waits for its replicas to go has no date yet. */
  readonly deletion?: { readonly windowDays: number; readonly date?: number } | undefined
}

/** The state that was in force before a change, until the change has spread. */
export interface Superseded extends Pick<RegionalKey, 'policy' | 'enabled' | 'deletion' | 'grants'> {
  /** Milliseconds since 1970. */
  readonly until: number
}

export interface Tag {
  readonly TagKey: string
  readonly TagValue: string
}

export interface Alias {
  readonly account: string
  readonly region: string
  /** With its prefix: `alias/…`. */
  readonly name: string
  readonly keyId: string
  readonly created: number
  readonly updated: number
}

export type KeyState =
  | 'Creating'
  | 'Enabled'
  | 'Disabled'
  | 'PendingDeletion'
  | 'PendingImport'
  | 'PendingReplicaDeletion'
  | 'Unavailable'
  | 'Updating'

export const dayMs = 86_400_000

/** One key in one Region. A request finds it under a key id, an ARN or an alias. */
export interface Key {
  readonly record: KeyRecord
  readonly region: string
  readonly local: RegionalKey
  readonly arn: string
  /** Whether the key's custom key store is not connected. */
  readonly isUnavailable?: boolean
}

export function keyIn(record: KeyRecord, region: string): Key | undefined {
  const local = record.regions[region]
  return local === undefined ? undefined : { record, region, local, arn: keyArn(record, region) }
}

export function keyArn({ account, keyId }: KeyRecord, region: string): string {
  return encodeKmsArn({ region, account, resource: `key/${keyId}` })
}

export function keyState(key: Key, nowMs: number): KeyState {
  const { deletion, readyAt, updatingUntil = 0, enabled } = key.local
  if (deletion !== undefined)
    return deletion.date === undefined ? 'PendingReplicaDeletion' : 'PendingDeletion'
  if (nowMs < readyAt) return 'Creating'
  if (nowMs < updatingUntil) return 'Updating'
  if (isPendingImport(key)) return 'PendingImport'
  if (key.isUnavailable === true) return 'Unavailable'
  return enabled ? 'Enabled' : 'Disabled'
}

/** Whether the secret of any material is missing in the key's Region, so that the key cannot be used. */
export function isPendingImport({ record, local }: Key): boolean {
  if (record.origin !== 'EXTERNAL') return false
  const { imports = [] } = record
  const here = new Set(local.imported?.map(({ id }) => id))
  return imports.length === 0 || !imports.every(({ id }) => here.has(id))
}

export function withRegion(record: KeyRecord, region: string, local: RegionalKey | undefined): KeyRecord {
  const regions = Object.entries(record.regions).filter(([name]) => name !== region)
  if (local !== undefined) regions.push([region, local])
  return { ...record, regions: Object.fromEntries(regions) }
}

/** Removes imported secrets that have expired, and the Regions whose waiting period is over. A primary's period starts when its last replica goes. */
export function withoutExpired(record: KeyRecord, nowMs: number): KeyRecord {
  let current = record
  let lastGoneMs = 0
  for (const [region, local] of Object.entries(record.regions)) {
    const valid = local?.imported?.filter(({ validTo = Infinity }) => validTo > nowMs)
    if (local !== undefined && valid?.length !== local.imported?.length) {
      current = withRegion(current, region, { ...local, imported: valid })
    }
    const date = local?.deletion?.date
    if (date === undefined || date > nowMs) continue
    lastGoneMs = Math.max(lastGoneMs, date)
    current = withRegion(current, region, undefined)
  }
  const primary = current.regions[current.primaryRegion]
  const waiting = primary?.deletion
  if (primary === undefined || waiting === undefined || waiting.date !== undefined) return current
  if (Object.keys(current.regions).length > 1) return current
  const deletion = { ...waiting, date: lastGoneMs + waiting.windowDays * dayMs }
  return withoutExpired(withRegion(current, current.primaryRegion, { ...primary, deletion }), nowMs)
}
