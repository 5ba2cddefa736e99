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
  readonly primaryRegion: string
  /** Oldest first; the last one encrypts, all of them decrypt. Empty for keys that are no AES keys. */
  readonly materials: readonly KeyMaterial[]
  /** Automatic rotation; absent when disabled. */
  readonly rotation?: { readonly periodDays: number; readonly enabledAt: number } | undefined
  readonly regions: Readonly<Partial<Record<string, RegionalKey>>>
}

export interface KeyMaterial {
  /** 64 hex digits. */
  readonly id: string
  /** 32 bytes in base64. */
  readonly secret: string
}

export interface RegionalKey {
  readonly created: number
  /** Until then a new replica is Creating. */
  readonly readyAt: number
  readonly description: string
  readonly enabled: boolean
  readonly policy: string
  readonly tags: readonly Tag[]
  /** Absent: none. */
  readonly grants?: readonly Grant[] | undefined
  /** What changes that are still spreading have replaced; the earliest first. */
  readonly superseded?: readonly Superseded[] | undefined
  /** A primary that waits for its replicas to go has no date yet. */
  readonly deletion?: { readonly windowDays: number; readonly date?: number } | undefined
}

/** What was in force before a change, until the change has spread. */
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

export type KeyState = 'Creating' | 'Enabled' | 'Disabled' | 'PendingDeletion' | 'PendingReplicaDeletion'

export const dayMs = 86_400_000

/** One key in one Region. A request finds it under a key id, an ARN or an alias. */
export interface Key {
  readonly record: KeyRecord
  readonly region: string
  readonly local: RegionalKey
  readonly arn: string
}

export function keyIn(record: KeyRecord, region: string): Key | undefined {
  const local = record.regions[region]
  return local === undefined ? undefined : { record, region, local, arn: keyArn(record, region) }
}

export function keyArn({ account, keyId }: KeyRecord, region: string): string {
  return encodeKmsArn({ region, account, resource: `key/${keyId}` })
}

export function keyState(key: Key, nowMs: number): KeyState {
  const { deletion, readyAt, enabled } = key.local
  if (deletion !== undefined)
    return deletion.date === undefined ? 'PendingReplicaDeletion' : 'PendingDeletion'
  if (nowMs < readyAt) return 'Creating'
  return enabled ? 'Enabled' : 'Disabled'
}

export function withRegion(record: KeyRecord, region: string, local: RegionalKey | undefined): KeyRecord {
  const regions = Object.entries(record.regions).filter(([name]) => name !== region)
  if (local !== undefined) regions.push([region, local])
  return { ...record, regions: Object.fromEntries(regions) }
}

/** Removes the Regions whose waiting period is over. A primary's period starts when its last replica goes. */
export function withoutExpired(record: KeyRecord, nowMs: number): KeyRecord {
  let current = record
  let lastGoneMs = 0
  for (const [region, local] of Object.entries(record.regions)) {
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
