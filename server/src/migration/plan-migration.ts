// Rehearses a migration: what there is, what would be refused and why, how long it would take. Nothing changes.
import { isKeyholdError, KeyholdError, type KeyInspection, type Kms, type TenantKey } from '@keyhold/core'
import type { KeyProviderRow } from '../store/key-providers/key-provider-row.ts'
import type { Store } from '../store/store.ts'
import type { RefusedVersion } from '../keyring/open-versions.ts'
import type { RewrapThreads } from './engine/rewrap-threads.ts'
import { estimateMigration, type MigrationBudget, type MigrationEstimate } from './estimate-migration.ts'
import { planIdOf } from './plan-id.ts'
import { findEnds, refuseEnds, tryActiveKey, tryTarget, type MigrationEnds } from './start-migration.ts'
import { takeCensus, type CipherkeyCensus } from './take-census.ts'

export interface PlanMigrationParts {
  store: Store
  kms: Kms
  threads: RewrapThreads
  budget: MigrationBudget
  /** How long cipherkeys are opened at most. */
  censusMs: number
  /** How long they are counted at most before. */
  countMs: number
}

/** One end of the migration, tried for real in one region. */
export interface KeyProbe {
  end: 'source' | 'target'
  keyArn: string
  /** Empty for the internal KMS. */
  region: string
  /** Another region than that of the registered key. */
  isReplica: boolean
  /** Undefined: it passed. */
  error: { code: string; message: string } | undefined
}

export interface Problem {
  code: string
  message: string
}

export interface MigrationPlan {
  /** For the start: it is refused when the world is another one. */
  id: string
  source: KeyProviderRow
  sourceVersion: number
  target: KeyProviderRow
  /** The errors with which a start would be refused now, the first one first. */
  refusals: Problem[]
  /** The reasons for which it would pause on the way. */
  warnings: Problem[]
  probes: KeyProbe[]
  /** How many tenant key versions are not destroyed. */
  tenantKeys: number
  /** Those that wrap cipherkeys and whose KEK refuses to open them. */
  refusedTenantKeys: (RefusedVersion & { keyArn: string })[]
  census: CipherkeyCensus
  estimate: MigrationEstimate
}

/** @throws KeyholdError `ERR_KEY_PROVIDER_NOT_FOUND`, `ERR_TENANT_NOT_FOUND` */
export async function planMigration(
  parts: PlanMigrationParts,
  tenantId: string,
  targetFingerprint: string,
): Promise<MigrationPlan> {
  const { store, kms, threads, budget, censusMs, countMs } = parts
  // As of one moment, and before any KMS is called: a snapshot holds a connection.
  const { ends, fence, versions } = await store.readSnapshot(async (snapshot) => ({
    ends: await findEnds(snapshot, tenantId, targetFingerprint),
    fence: await snapshot.tenants.findFence(tenantId),
    versions: (await snapshot.tenantKeys.list(tenantId)).filter(({ state }) => state !== 'destroyed'),
  }))
  if (fence === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')

  const { refusals, inspection, tenantKey } = await tryStart(parts, tenantId, ends)
  const probes = [
    ...(await probeSource(kms, tenantId, ends.source, refusals.active)),
    ...probesOf('target', ends.target.keyArn, inspection, refusals.target),
  ]
  // Page by page, as very many cipherkeys are no work for one snapshot.
  const { found: total, isWhole } = await store.surveys.countInTime(tenantId, countMs)
  const census = await takeCensus({ store, kms, threads, maxMs: censusMs }, tenantId, {
    ...{ tenantKey, total },
    mayBeMore: !isWhole,
  })
  const world = { tenantId, ends, epoch: fence.epoch, sourceVersion: fence.activeTenantKeyVersion }
  return {
    id: planIdOf(world, store.clock.now()),
    source: ends.source,
    sourceVersion: fence.activeTenantKeyVersion,
    target: ends.target,
    refusals: [...refusals.ends, refusals.target, refusals.active]
      .filter((refusal) => refusal !== undefined)
      .map(problemOf),
    warnings: [
      ...warningsOf(census),
      ...probes.filter(({ isReplica }) => isReplica).flatMap(warningOfReplica),
    ],
    probes,
    tenantKeys: versions.length,
    refusedTenantKeys: versions.flatMap(({ version, keyArn }) => {
      const refusal = census.refused.find((each) => each.version === version)
      return refusal === undefined ? [] : [{ ...refusal, keyArn }]
    }),
    census,
    estimate: estimateMigration(census, budget),
  }
}

interface Refusals {
  ends: KeyholdError[]
  target: KeyholdError | undefined
  active: KeyholdError | undefined
}

/** Does all that a start does before it writes anything, in the same order, and goes on after a failure. */
async function tryStart(
  { store, kms }: PlanMigrationParts,
  tenantId: string,
  ends: MigrationEnds,
): Promise<{
  refusals: Refusals
  inspection: KeyInspection | undefined
  tenantKey: TenantKey | undefined
}> {
  const atEnds = await refusalOf(() => {
    refuseEnds(ends)
  })
  const atTarget = await refusalOf(() => tryTarget(kms, tenantId, ends.target))
  const atActive = await refusalOf(() => tryActiveKey(store, kms, tenantId))
  return {
    refusals: {
      ends: atEnds.error === undefined ? [] : [atEnds.error],
      target: atTarget.error,
      active: atActive.error,
    },
    inspection: atTarget.result,
    tenantKey: atActive.result,
  }
}

async function refusalOf<Result>(
  attempt: () => Promise<Result> | Result,
): Promise<{ result?: Result; error?: KeyholdError }> {
  try {
    return { result: await attempt() }
  } catch (error) {
    if (!isKeyholdError(error)) throw error
    return { error }
  }
}

async function probeSource(
  kms: Kms,
  tenantId: string,
  { keyArn }: KeyProviderRow,
  refusal: KeyholdError | undefined,
): Promise<KeyProbe[]> {
  const { result, error } = await refusalOf(() => kms.inspectKey(keyArn, tenantId))
  // A source needs to unwrap only. A key that can wrap nothing new may still do that.
  return probesOf('source', keyArn, result, refusal ?? error)
}

function probesOf(
  end: KeyProbe['end'],
  keyArn: string,
  inspection: KeyInspection | undefined,
  error: KeyholdError | undefined,
): KeyProbe[] {
  const own = { end, keyArn, region: regionOf(keyArn), isReplica: false, error: error && problemOf(error) }
  if (inspection === undefined) return [own]
  const { replicaKeys, complianceError, warnings = [] } = inspection
  const found = [complianceError, ...warnings].filter(({ code }) => code !== '')
  const replicas = replicaKeys.map((replica) => {
    const problem = found.find(({ region }) => region === replica.region)
    return { end, ...replica, isReplica: true, error: problem && problemOf(problem) }
  })
  return [own, ...replicas]
}

function warningsOf(census: CipherkeyCensus): Problem[] {
  const warnings: Problem[] = []
  const open = census.unreadable - census.accepted
  if (open > 0) {
    const before = census.accepted === 0 ? '' : ' (besides those that were accepted before)'
    warnings.push({
      code: 'ERR_MIGRATION_FAILURES_OPEN',
      message: `${open} of the ${census.checked} cipherkeys that were checked do not open${before}: the migration would set them aside and wait before its end until they are repaired or accepted by name.`,
    })
  }
  if (census.error !== undefined) {
    warnings.push({
      code: census.error.code,
      message: `Not all cipherkeys could be checked: ${census.error.message}`,
    })
  }
  return warnings
}

function warningOfReplica({ end, region, error }: KeyProbe): Problem[] {
  return error === undefined
    ? []
    : [{ code: error.code, message: `The ${end} key in ${region}: ${error.message}` }]
}

// The internal KMS has no regions; its key's name is no ARN.
function regionOf(keyArn: string): string {
  return keyArn.startsWith('arn:') ? (keyArn.split(':')[3] ?? '') : ''
}

function problemOf({ code, message }: Problem): Problem {
  return { code, message }
}
