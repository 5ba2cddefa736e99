// A drill: every stored tenant key is opened, and one is made and opened, as if the key's own region were away. Nothing
// is evicted, no region or key is remembered as away, and what is made is thrown away: traffic does not notice.
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
import type { Store } from '../store/store.ts'
import { observationOf } from './key-state.ts'
import { wordsOf } from './key-words.ts'

export interface DrDrillParts {
  store: Store
  /** A key in one region alone, past everything that is remembered. */
  inRegion: (
    keyArn: string,
    tenantId: string,
    region: string,
  ) => Promise<Pick<Kms, 'createTenantKey' | 'unwrapTenantKey'>>
  findKeyAccess: (keyArn: string, tenantId: string) => Promise<KeyAccess>
  /** Which regions must be able to stand in for which; for the others, every region of a replica must. */
  drRegions: ReadonlyMap<string, readonly string[]>
  /** Monotonic milliseconds. */
  clock: () => number
}

export interface DrillStep {
  /** Open a stored version; make a key and open that. */
  step: 'unwrap' | 'create'
  /** Of `unwrap`. */
  tenantKeyVersion?: number
  outcome: 'passed' | 'failed' | 'skipped'
  ms?: number
  code?: ErrorCode
}

export interface DrilledRegion {
  region: string
  passed: boolean
  /** Of the first step that failed. */
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
  /** Whether another region opened everything and made a key. */
  passed: boolean
  /** Whether each region did that must be able to. */
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
 * @param lostRegion - only keys of this region; undefined: each key loses its own
 * @throws KeyholdError `ERR_TENANT_NOT_FOUND`
 */
export async function runDrDrill(
  parts: DrDrillParts,
  tenantId: string,
  lostRegion: string | undefined,
): Promise<DrDrill> {
  const { store } = parts
  if ((await store.tenants.find(tenantId)) === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
  const versions = (await store.tenantKeys.list(tenantId)).filter(({ state }) => state !== 'destroyed')
  const rows = await Promise.all(versions.map(({ version }) => findStoredTenantKey(store, tenantId, version)))
  // What the internal KMS wraps is opened by every replica with the root key, whatever becomes of a region.
  const inAws = rows.filter((row) => row !== undefined).filter(({ keyArn }) => isInAws(keyArn))
  const byKey = [...Map.groupBy(inAws, ({ keyArn }) => keyArn)]
  const concerned = byKey.filter(
    ([keyArn]) => lostRegion === undefined || parseKeyArn(keyArn).region === lostRegion,
  )
  const keys = await Promise.all(
    concerned.map(([keyArn, stored]) => drillKey(parts, keyArn, tenantId, stored)),
  )
  return {
    tenantId,
    passed: keys.every(({ passed }) => passed),
    drCompliant: keys.every(({ drCompliant }) => drCompliant),
    keys,
  }
}

function isInAws(keyArn: string): boolean {
  return keyArn.startsWith('arn:')
}

async function drillKey(
  parts: DrDrillParts,
  keyArn: string,
  tenantId: string,
  stored: StoredTenantKey[],
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
    passed: regions.some(({ passed }) => passed),
    drCompliant: required.length > 0 && required.every(isWell),
    advice:
      regions.length === 0
        ? 'No other region has this key: make a multi-region key with a replica in another region, register it and migrate to it; a multi-region key that lacks only the replica gets one in AWS, and keyhold keyprovider test tells Keyhold of it.'
        : [...new Set(failed.map(({ advice = '' }) => advice))].join(' '),
    regions,
  }
}

async function drillRegion(
  { inRegion, clock }: DrDrillParts,
  { keyArn, region, isKnown }: { keyArn: string; region: string; isKnown: boolean },
  tenantId: string,
  stored: StoredTenantKey[],
): Promise<DrilledRegion> {
  const steps: DrillStep[] = []
  let failure: KeyholdError | undefined
  let isAway = false

  async function attempt(step: Pick<DrillStep, 'step' | 'tenantKeyVersion'>, action: () => Promise<void>) {
    // A region that does not answer is not waited for again and again.
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
      failure ??= error
      isAway = isErrorOfKind(error, 'outage')
      steps.push({ ...step, outcome: 'failed', ms: Math.round(clock() - startMs), code: error.code })
    }
  }

  for (const row of stored) {
    await attempt({ step: 'unwrap', tenantKeyVersion: row.version }, async () => {
      await unwrapTenantKey(await inRegion(keyArn, tenantId, region), row)
    })
  }
  await attempt({ step: 'create' }, async () => {
    const kms = await inRegion(keyArn, tenantId, region)
    const ref = { tenantId, id: newId(), version: 1 }
    const { key, wrapped } = await kms.createTenantKey(keyArn, ref)
    if (!key.equals(await kms.unwrapTenantKey(keyArn, wrapped, ref)))
      throw new KeyholdError('ERR_KEY_INTEGRITY')
  })
  if (failure === undefined) return { region, passed: true, steps }
  return { region, passed: false, code: failure.code, ...explain(failure, region, isKnown), steps }
}

// To another account AWS KMS denies what is not there like what is not allowed: what the last look at the key has found
// tells them apart.
function explain(error: KeyholdError, region: string, isKnown: boolean): { cause: string; advice: string } {
  const { code } = error
  const isMissing = code === 'ERR_KMS_KEY_NOT_FOUND' || code === 'ERR_KEY_SINGLE_REGION'
  if (isMissing || (!isKnown && code === 'ERR_KMS_DENIED')) {
    return {
      cause: `The key has no replica in ${region} that Keyhold could see.`,
      advice: `Make a replica of the key in ${region}, where it is a multi-region key, with the policy that keyhold keyprovider policy prints; then keyhold keyprovider test tells Keyhold of it.`,
    }
  }
  const { state = 'misconfigured', action } = observationOf(error) ?? {}
  return wordsOf({ state, code, action, region })
}
