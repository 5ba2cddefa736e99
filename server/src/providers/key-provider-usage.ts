// Finds what of a tenant still depends on a KEK, whichever provider is current, and since when nothing does. Everything but
// the cipherkeys is read as of one moment: a key job that ended between two reads once made the current key look safe to
// delete. Cipherkeys are counted page by page before, and what was counted holds while the epoch is the same.
import type { CountedVersion } from '../store/cipherkeys/cipherkey-surveys.ts'
import type { KeyJobRow } from '../store/key-jobs/key-jobs.ts'
import type { KeyProviderRow } from '../store/key-providers/key-provider-row.ts'
import type { SnapshotStore, Store } from '../store/store.ts'
import type { TenantKeyVersion } from '../store/tenant-keys/tenant-key-row.ts'
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
  tenantKeys: (TenantKeyVersion & CountedVersion & { mayBeMore: boolean })[]
  live: KeyJobRow | undefined
  /** Whether another tenant has the KEK registered, or has tenant keys under it. */
  isShared: boolean
  blockers: UsageBlocker[]
  /** When the last dependency ended; undefined while there is a blocker. */
  safeSince: Date | undefined
}

export interface KeyProviderUsageParts {
  store: Store
  /** How long cipherkeys are counted at most. */
  countMs: number
}

// A count is in vain only if the tenant's active version changed meanwhile, or one of its keys was destroyed.
const maxRounds = 3

/** @throws KeyholdError `ERR_KEY_PROVIDER_NOT_FOUND` */
export async function getKeyProviderUsage(
  { store, countMs }: KeyProviderUsageParts,
  tenantId: string,
  fingerprint: string,
): Promise<KeyProviderUsage> {
  const read = () => store.readSnapshot((snapshot) => readParts(snapshot, tenantId, fingerprint))
  const endMs = performance.now() + countMs
  let parts = await read()
  for (let round = 0; round < maxRounds; round++) {
    if (!parts.versions.some(mayHaveCipherkeys)) return usageOf(parts, none)
    const counted = await store.surveys.countByVersion(tenantId, endMs - performance.now())
    // Under the same epoch, no cipherkey has come under another version than the active one: what was counted page by
    // page is no less than what there is now under each of the others.
    const { epoch } = parts
    parts = await read()
    if (parts.epoch === epoch) return usageOf(parts, counted)
  }
  return usageOf(parts, { ...none, isWhole: false })
}

/**
 * The same as of one moment and without a count: each version that is not destroyed is a blocker, but which cipherkeys it wraps is not said.
 *
 * @throws KeyholdError `ERR_KEY_PROVIDER_NOT_FOUND`
 */
export async function readUncountedUsage(
  snapshot: SnapshotStore,
  tenantId: string,
  fingerprint: string,
): Promise<KeyProviderUsage> {
  return usageOf(await readParts(snapshot, tenantId, fingerprint), { ...none, isWhole: false })
}

type Counted = Awaited<ReturnType<Store['surveys']['countByVersion']>>

const none: Counted = { found: new Map(), isWhole: true }

/** The parts that do not grow with the number of cipherkeys. */
interface UsageParts {
  epoch: number | undefined
  provider: KeyProviderRow
  live: KeyJobRow | undefined
  isShared: boolean
  lastEnd: Date | undefined
  /** All that it ever wrapped. */
  versions: TenantKeyVersion[]
}

async function readParts(store: SnapshotStore, tenantId: string, fingerprint: string): Promise<UsageParts> {
  const provider = await getKeyProvider(store, tenantId, fingerprint)
  const fence = await store.tenants.findFence(tenantId)
  const live = await store.keyJobs.findLive(tenantId)
  const versions = await store.tenantKeys.list(tenantId)
  return {
    epoch: fence?.epoch,
    provider,
    live: needs(live, fingerprint) ? live : undefined,
    isShared: await store.keyProviders.isUsedByOthers(tenantId, provider.keyArn),
    lastEnd: await store.keyJobs.findLastEnd(tenantId, fingerprint),
    versions: versions.filter(({ keyArn }) => keyArn === provider.keyArn),
  }
}

/** A version has a date of destruction only where no cipherkey is left under it. */
function mayHaveCipherkeys({ state, destroyAfter }: TenantKeyVersion): boolean {
  return state !== 'destroyed' && destroyAfter === undefined
}

// Every version that is not destroyed is a blocker, whatever was counted under it: a count tells what the reason is, and
// never that there is none.
function usageOf(
  { provider, live, isShared, lastEnd, versions }: UsageParts,
  { found, isWhole }: Counted,
): KeyProviderUsage {
  const tenantKeys = versions
    .filter(({ state }) => state !== 'destroyed')
    .map((version) => ({
      ...version,
      ...(found.get(version.version) ?? { cipherkeys: 0, leftBehind: 0 }),
      mayBeMore: !isWhole && mayHaveCipherkeys(version),
    }))
    .reverse()
  const blockers = [
    ...blockersOfProvider(provider, live, isShared),
    ...tenantKeys.flatMap((version) => blockersOfVersion(version, live)),
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
  { version, state, destroyAfter, ...counted }: KeyProviderUsage['tenantKeys'][number],
  live: KeyJobRow | undefined,
): UsageBlocker[] {
  const { cipherkeys, leftBehind, mayBeMore } = counted
  const blockers: UsageBlocker[] = []
  const others = cipherkeys - leftBehind
  const atLeast = mayBeMore ? 'at least ' : ''
  if (others > 0) {
    blockers.push({
      code: 'cipherkeys',
      message: `Tenant key version ${version} wraps ${atLeast}${others} cipherkeys.`,
    })
  }
  if (leftBehind > 0) {
    blockers.push({
      code: 'accepted-failures',
      message: `Tenant key version ${version} is kept for ${atLeast}${leftBehind} cipherkeys that do not open and were accepted in a migration.`,
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
  if (mayBeMore) {
    const message = `Tenant key version ${version} is not destroyed. Not all cipherkeys could be counted in time: there may be some under it.`
    return [{ code: 'tenant-key', message }]
  }
  // The key job that is live ends it, and is a blocker itself.
  if (live !== undefined) return []
  const message = `Tenant key version ${version} is not destroyed: the next migration or rotation ends it.`
  return [{ code: 'tenant-key', message }]
}
