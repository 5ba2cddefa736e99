// Runs a drill: it opens every stored tenant key, and makes and opens a new one, as if the key's own region were away.
// Traffic does not notice: no key is evicted, no region is remembered as away, and the new key is thrown away.
import {
  isErrorOfKind,
  isKeyholdError,
  keyArnFingerprint,
  KeyholdError,
  parseKeyArn,
  type ErrorCode,
  type KeyAccess,
  type Kms,
} from '@keyhold/core'
import { newId } from '../keyring/new-id.ts'
import { findStoredTenantKey, unwrapTenantKey, type StoredTenantKey } from '../keyring/open-tenant-key.ts'
import type { SnapshotStore, Store } from '../store/store.ts'
import type { TenantKeyVersion } from '../store/tenant-keys/tenant-key-row.ts'
import { findNeededVersions } from './find-needed-versions.ts'
import { observationOf } from './key-state.ts'
import { sayWords, wordsOf, type Words } from './key-words.ts'

export interface DrDrillParts {
  store: Store
  /** A key in one region alone, whatever is remembered of regions. */
  inRegion: (
    keyArn: string,
    tenantId: string,
    region: string,
  ) => Promise<Pick<Kms, 'createTenantKey' | 'unwrapTenantKey'>>
  findKeyAccess: (keyArn: string, tenantId: string) => Promise<KeyAccess>
  /** Which regions must be able to stand in for which. For regions that are not named, all regions with a replica must. */
  drRegions: ReadonlyMap<string, readonly string[]>
  /** Monotonic milliseconds. */
  clock: () => number
  /** How long it looks for which versions are needed. */
  countMs: number
}

export interface DrillStep {
  /** `unwrap` opens a stored version; `create` makes a key and opens it. */
  step: 'unwrap' | 'create'
  /** Of `unwrap` alone. */
  tenantKeyVersion?: number
  /** False: the tenant does without the version, which does not decide whether the region has passed. */
  needed?: false
  outcome: 'passed' | 'failed' | 'skipped'
  ms?: number
  code?: ErrorCode
}

export interface DrilledRegion {
  region: string
  passed: boolean
  /** The code of the first step that failed. */
  code?: ErrorCode
  cause?: string
  advice?: string
  steps: DrillStep[]
}

export interface DrilledKey {
  keyArn: string
  fingerprint: string
  /** The region that is taken to be away. */
  region: string
  tenantKeyVersions: number[]
  /** Whether the tenant needs any of these versions. A key without one does not decide whether the drill has passed. */
  needed: boolean
  /** Whether another region opened everything that is needed and made a key. */
  passed: boolean
  /** Whether every region that must stand in could do that. */
  drCompliant: boolean
  advice: string
  regions: DrilledRegion[]
}

export interface DrDrill {
  tenantId: string
  passed: boolean
  drCompliant: boolean
  keys: DrilledKey[]
}

/**
 * Drills a tenant.
 *
 * @param lostRegion - drills the keys of this region alone; undefined: each key loses its own region
 * @throws KeyholdError `ERR_TENANT_NOT_FOUND`
 */
export async function runDrDrill(
  parts: DrDrillParts,
  tenantId: string,
  lostRegion: string | undefined,
): Promise<DrDrill> {
  // As of one moment, and before any KMS is called: a snapshot holds a connection.
  const { versions, rows } = await parts.store.readSnapshot((snapshot) =>
    readStoredTenantKeys(snapshot, tenantId),
  )
  // The internal KMS does not depend on a region: every replica with the root key opens its keys.
  const inAws = rows.filter(({ keyArn }) => isInAws(keyArn))
  const neededVersions = new Set(await findNeededVersions(parts.store, tenantId, versions, parts.countMs))
  const drilled = inAws.map((row) => ({ ...row, isNeeded: neededVersions.has(row.version) }))
  const byKey = [...Map.groupBy(drilled, ({ keyArn }) => keyArn)]
  const concerned = byKey.filter(
    ([keyArn]) => lostRegion === undefined || parseKeyArn(keyArn).region === lostRegion,
  )
  const keys = await Promise.all(
    concerned.map(([keyArn, stored]) => drillKey(parts, keyArn, tenantId, stored)),
  )
  const needed = keys.filter((key) => key.needed)
  return {
    tenantId,
    passed: needed.every(({ passed }) => passed),
    drCompliant: needed.every(({ drCompliant }) => drCompliant),
    keys,
  }
}

interface StoredVersions {
  versions: readonly TenantKeyVersion[]
  rows: StoredTenantKey[]
}

async function readStoredTenantKeys(store: SnapshotStore, tenantId: string): Promise<StoredVersions> {
  if ((await store.tenants.find(tenantId)) === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
  const versions = await store.tenantKeys.list(tenantId)
  const rows: StoredTenantKey[] = []
  for (const { version } of versions) {
    const row = await findStoredTenantKey(store, tenantId, version)
    if (row !== undefined) rows.push(row)
  }
  return { versions, rows }
}

interface DrilledVersion extends StoredTenantKey {
  isNeeded: boolean
}

function isInAws(keyArn: string): boolean {
  return keyArn.startsWith('arn:')
}

async function drillKey(
  parts: DrDrillParts,
  keyArn: string,
  tenantId: string,
  stored: DrilledVersion[],
): Promise<DrilledKey> {
  const { region } = parseKeyArn(keyArn)
  const { replicaRegions } = await parts.findKeyAccess(keyArn, tenantId)
  const required = parts.drRegions.get(region) ?? replicaRegions
  const others = [...new Set([...required, ...replicaRegions])].filter((other) => other !== region)
  const regions = await Promise.all(
    others.map((other) =>
      drillRegion(
        parts,
        { keyArn, region: other, isKnown: replicaRegions.includes(other) },
        tenantId,
        stored,
      ),
    ),
  )
  const isWell = (name: string) => regions.some((each) => each.region === name && each.passed)
  const failed = regions.filter(({ passed }) => !passed)
  return {
    keyArn,
    fingerprint: keyArnFingerprint(keyArn),
    region,
    tenantKeyVersions: stored.map(({ version }) => version),
    needed: stored.some(({ isNeeded }) => isNeeded),
    passed: regions.some(({ passed }) => passed),
    drCompliant: required.length > 0 && required.every(isWell),
    advice:
      regions.length === 0
        ? 'No other region has this key: make a multi-region key with a replica in another region, register it and migrate to it. If a multi-region key lacks only the replica, make one in AWS and run keyhold keyprovider test.'
        : [...new Set(failed.map(({ advice = '' }) => advice))].join(' '),
    regions,
  }
}

async function drillRegion(
  { inRegion, clock, store }: DrDrillParts,
  { keyArn, region, isKnown }: { keyArn: string; region: string; isKnown: boolean },
  tenantId: string,
  stored: DrilledVersion[],
): Promise<DrilledRegion> {
  const steps: DrillStep[] = []
  let failure: KeyholdError | undefined
  let isAway = false

  async function attempt(
    step: Pick<DrillStep, 'step' | 'tenantKeyVersion' | 'needed'>,
    action: () => Promise<void>,
  ) {
    // The drill does not wait again and again for a region that does not answer.
    if (isAway) {
      steps.push({ ...step, outcome: 'skipped' })
      return
    }
    const startMs = clock()
    try {
      await action()
      steps.push({ ...step, outcome: 'passed', ms: Math.round(clock() - startMs) })
    } catch (error) {
      if (!isKeyholdError(error)) throw error
      if (step.needed !== false) failure ??= error
      isAway = isErrorOfKind(error, 'outage')
      steps.push({ ...step, outcome: 'failed', ms: Math.round(clock() - startMs), code: error.code })
    }
  }

  async function attemptUnwrap(row: DrilledVersion): Promise<void> {
    const step = { step: 'unwrap' as const, tenantKeyVersion: row.version }
    await attempt({ ...step, ...(!row.isNeeded && { needed: false }) }, async () => {
      await unwrapTenantKey(await inRegion(keyArn, tenantId, region), row)
    })
  }

  for (const row of stored.filter(({ isNeeded }) => isNeeded)) await attemptUnwrap(row)
  await attempt({ step: 'create' }, async () => {
    const kms = await inRegion(keyArn, tenantId, region)
    const ref = { tenantId, id: newId(store.clock.now()), version: 1 }
    const { key, wrapped } = await kms.createTenantKey(keyArn, ref)
    if (!key.equals(await kms.unwrapTenantKey(keyArn, wrapped, ref)))
      throw new KeyholdError('ERR_KEY_INTEGRITY')
  })
  for (const row of stored.filter(({ isNeeded }) => !isNeeded)) await attemptUnwrap(row)
  if (failure === undefined) return { region, passed: true, steps }
  return { region, passed: false, code: failure.code, ...explain(failure, region, isKnown), steps }
}

// To another account, AWS KMS denies a key that is not there just like one that is not allowed. What the last inspection
// found tells the two apart.
function explain(error: KeyholdError, region: string, isKnown: boolean): Words {
  const { code } = error
  const isMissing = code === 'ERR_KMS_KEY_NOT_FOUND' || code === 'ERR_KEY_SINGLE_REGION'
  if (isMissing || (!isKnown && code === 'ERR_KMS_DENIED')) {
    return sayWords('no-replica', 'make-replica', { region })
  }
  const { state = 'misconfigured', action, policy } = observationOf(error) ?? {}
  return wordsOf({ state, code, action, policy, region })
}
