// Inspects a customer's key with as few calls as possible: its metadata, and a round trip in every region.
import {
  isKeyholdError,
  KeyholdError,
  parseKeyArn,
  type AliasedKey,
  type CustomerRole,
  type KeyInspection,
} from '@keyhold/core'
import { timingSafeEqual } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { aliasProblemOf, answeringKey } from './metadata/aliased-key.ts'
import type { AwsCall } from './aws-call.ts'
import {
  checkUsable,
  createKeyActions,
  invalidAnswer,
  type KeyActions,
  type RegionalKeyName,
} from './aws-key-actions.ts'
import { compliant, complianceErrorOf, replicasOf } from './key-regions.ts'

// A replica that was just ordered is unusable for a moment. The customer need not register the key again for that.
const replicaAttempts = 4
const replicaPauseMs = 300

export interface InspectOptions {
  tenantId: string
  /** For disaster recovery: which regions must be able to stand in for which. */
  drRegions: ReadonlyMap<string, readonly string[]>
  role: CustomerRole | undefined
}

/**
 * Inspects the key that a key ARN or alias ARN names.
 *
 * @throws KeyholdError `Encryption-88` when the policy lacks an action in the key's own region, else `ERR_KMS_…`
 */
export async function inspectAwsKey(
  call: AwsCall,
  arn: string,
  { tenantId, drRegions, role }: InspectOptions,
): Promise<KeyInspection> {
  const actions = createKeyActions(call, { tenantId, role })
  const asked = parseKeyArn(arn)
  const { region } = asked
  const metadata = await actions.describe(arn, region)
  const key = answeringKey(metadata)
  if (key === undefined || (asked.keyId !== undefined && key.arn !== arn))
    throw new KeyholdError('ERR_KMS_KEY_NOT_FOUND')
  checkUsable(metadata, region)
  await roundTrip(actions, { keyArn: key.arn, region }, tenantId)

  const replicaKeys = replicasOf(key, metadata)
  const inReplicas = await Promise.all(
    replicaKeys.map(async (replica) => ({
      region: replica.region,
      error: await tryReplica(actions, replica, tenantId),
    })),
  )
  const isMultiRegion = metadata.MultiRegion === true
  const complianceError = complianceErrorOf(region, drRegions.get(region), isMultiRegion, inReplicas)
  return {
    keyArn: key.arn,
    multiRegion: isMultiRegion,
    replicaKeys,
    drCompliant: complianceError.code === '',
    complianceError,
  }
}

/** @throws KeyholdError `ERR_KMS_KEY_NOT_FOUND` also where the answer names no key; `Encryption-88`, `ERR_KMS_…` */
export async function resolveAlias(
  call: AwsCall,
  aliasArn: string,
  access: Pick<InspectOptions, 'tenantId' | 'role'>,
): Promise<AliasedKey> {
  const alias = parseKeyArn(aliasArn)
  const metadata = await createKeyActions(call, access).describe(aliasArn, alias.region)
  const key = answeringKey(metadata)
  if (key === undefined) throw new KeyholdError('ERR_KMS_KEY_NOT_FOUND')
  return { keyArn: key.arn, problem: aliasProblemOf(alias, key, metadata) }
}

async function roundTrip(actions: KeyActions, key: RegionalKeyName, tenantId: string): Promise<void> {
  const made = await actions.generate(key, tenantId)
  checkSame(made.plaintext, await actions.decrypt(key, tenantId, made.blob), key.region)
}

/** Compares the key as made with the key as opened, and wipes both. */
export function checkSame(before: Uint8Array, after: Uint8Array, region: string): void {
  const isSame = before.length === after.length && timingSafeEqual(before, after)
  before.fill(0)
  after.fill(0)
  if (!isSame) throw invalidAnswer('Decrypt', region)
}

async function tryReplica(
  actions: KeyActions,
  replica: RegionalKeyName,
  tenantId: string,
): Promise<KeyInspection['complianceError']> {
  try {
    await whenMade(async () => {
      checkUsable(await actions.describe(replica.keyArn, replica.region), replica.region)
      await roundTrip(actions, replica, tenantId)
    })
    return compliant
  } catch (error) {
    // Without budget nothing was tested, so that nothing is known about the replica.
    if (!isKeyholdError(error) || error.code === 'ERR_KMS_BUDGET') throw error
    return { code: error.code, region: replica.region, message: error.message }
  }
}

/** Waits for a replica that is being made, for about a second. */
export async function whenMade<Result>(action: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await action()
    } catch (error) {
      if (!isKeyholdError(error, 'ERR_KMS_KEY_NOT_READY') || attempt === replicaAttempts) throw error
    }
    await setTimeout(replicaPauseMs)
  }
}
