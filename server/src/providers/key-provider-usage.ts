// Finds what of a tenant still depends on a KEK, whichever provider is current, and since when nothing does. Everything is
// read as of one moment: a key job that ended between two reads once made the current key look safe to delete.
import type { KeyJobRow } from '../store/key-jobs/key-jobs.ts'
import type { KeyProviderRow } from '../store/key-providers.ts'
import type { SnapshotStore, Store } from '../store/store.ts'
import type { TenantKeyVersion } from '../store/tenant-keys.ts'
import { getKeyProvider } from './get-key-provider.ts'

export interface UsageBlocker {
  code:
    | 'current'
    | 'migration'
    | 'cipherkeys'
    | 'accepted-failures'
    | 'tenant-key'
    | 'backup-retention'
    | 'root-key'
    | 'shared'
  message: string
  /** When it ends by itself. */
  until?: Date
}

export interface KeyProviderUsage {
  provider: KeyProviderRow
  /** The versions that it wraps and that are not destroyed, the newest first. */
  tenantKeys: (TenantKeyVersion & { cipherkeys: number })[]
  live: KeyJobRow | undefined
  /** Whether another tenant has the KEK registered, or has tenant keys under it. */
  isShared: boolean
  blockers: UsageBlocker[]
  /** When the last dependency ended; undefined while there is a blocker. */
  safeSince: Date | undefined
}

/** @throws KeyholdError `ERR_KEY_PROVIDER_NOT_FOUND` */
export function getKeyProviderUsage(
  store: Store,
  tenantId: string,
  fingerprint: string,
): Promise<KeyProviderUsage> {
  return store.readSnapshot((snapshot) => readUsage(snapshot, tenantId, fingerprint))
}

async function readUsage(
  store: SnapshotStore,
  tenantId: string,
  fingerprint: string,
): Promise<KeyProviderUsage> {
  const provider = await getKeyProvider(store, tenantId, fingerprint)
  const counts = await store.cipherkeys.countByTenantKeyVersion(tenantId)
  const leftBehind = await store.keyJobFailures.countLeftBehind(tenantId)
  const lastEnd = await store.keyJobs.findLastEnd(tenantId, fingerprint)
  const liveJob = await store.keyJobs.findLive(tenantId)
  const live = needs(liveJob, fingerprint) ? liveJob : undefined
  const isShared = await store.keyProviders.isUsedByOthers(tenantId, provider.keyArn)
  const versions = (await store.tenantKeys.list(tenantId)).filter(({ keyArn }) => keyArn === provider.keyArn)
  const tenantKeys = versions
    .filter(({ state }) => state !== 'destroyed')
    .map((version) => ({ ...version, cipherkeys: counts.get(version.version) ?? 0 }))
    .reverse()

  const blockers = [
    ...blockersOfProvider(provider, live, isShared),
    ...tenantKeys.flatMap((version) =>
      blockersOfVersion(version, leftBehind.get(version.version) ?? 0, live),
    ),
  ]
  const ends = [
    provider.createdAt,
    provider.demotedAt,
    lastEnd,
    ...versions.map(({ destroyedAt }) => destroyedAt),
  ].filter((end) => end !== undefined)
  const safeSince = new Date(Math.max(...ends.map((end) => end.getTime())))
  return {
    ...{ provider, tenantKeys, live, isShared, blockers },
    safeSince: blockers.length === 0 ? safeSince : undefined,
  }
}

export function needs(live: KeyJobRow | undefined, fingerprint: string): boolean {
  return live?.sourceFingerprint === fingerprint || live?.targetFingerprint === fingerprint
}

function blockersOfProvider(
  provider: KeyProviderRow,
  live: KeyJobRow | undefined,
  isShared: boolean,
): UsageBlocker[] {
  const blockers: UsageBlocker[] = []
  if (provider.kms === 'internal') {
    blockers.push({
      code: 'root-key',
      message: 'It is the root key of this installation. More than this tenant depends on it.',
    })
  } else if (isShared) {
    blockers.push({ code: 'shared', message: 'Another tenant uses it, too: ask for its usage there.' })
  }
  if (provider.isCurrent) blockers.push({ code: 'current', message: 'It is the current key provider.' })
  if (live !== undefined) {
    blockers.push({ code: 'migration', message: `The ${live.kind} ${live.id} needs it, in ${live.phase}.` })
  }
  return blockers
}

function blockersOfVersion(
  { version, state, cipherkeys, destroyAfter }: KeyProviderUsage['tenantKeys'][number],
  leftBehind: number,
  live: KeyJobRow | undefined,
): UsageBlocker[] {
  const blockers: UsageBlocker[] = []
  const others = cipherkeys - leftBehind
  if (others > 0) {
    blockers.push({
      code: 'cipherkeys',
      message: `Tenant key version ${version} wraps ${others} cipherkeys.`,
    })
  }
  if (leftBehind > 0) {
    blockers.push({
      code: 'accepted-failures',
      message: `Tenant key version ${version} is kept for ${leftBehind} cipherkeys that do not open and were accepted in a migration.`,
    })
  }
  if (blockers.length > 0) return blockers
  // Traffic and key jobs may wrap under it at any moment.
  if (state === 'active' || state === 'pending') {
    const message = `Tenant key version ${version} is ${state}: new cipherkeys come under it.`
    return [{ code: 'tenant-key', message }]
  }
  if (destroyAfter !== undefined) {
    const message = `Tenant key version ${version} is kept for the sake of backups.`
    return [{ code: 'backup-retention', message, until: destroyAfter }]
  }
  // The key job that is live ends it.
  if (live !== undefined) return []
  const message = `Tenant key version ${version} is not destroyed: the next migration or rotation ends it.`
  return [{ code: 'tenant-key', message }]
}
