// Finds the regions of a key, and whether one of them can stand in for the key's own.
import type { KeyMetadata } from '@aws-sdk/client-kms'
import { keyArnInRegion, type KeyArn, type KeyInspection } from '@keyhold/core'
import type { RegionalKeyName } from './aws-key-actions.ts'

type ComplianceError = KeyInspection['complianceError']

export const compliant: ComplianceError = { code: '', region: '', message: '' }

/** The same key in other regions, from its metadata. */
export function replicasOf(key: KeyArn, metadata: KeyMetadata): RegionalKeyName[] {
  if (metadata.MultiRegion !== true) return []
  const { PrimaryKey: primary, ReplicaKeys: replicas = [] } = metadata.MultiRegionConfiguration ?? {}
  return [primary, ...replicas].flatMap((other) => {
    if (other?.Region === undefined || other.Region === key.region) return []
    const keyArn = keyArnInRegion(key, other.Region)
    return keyArn === undefined ? [] : [{ keyArn, region: other.Region }]
  })
}

/**
 * The reason why the key would not survive the loss of its own region; `compliant` where it would.
 *
 * @param drRegions - the regions that must be able to stand in; undefined: every replica must, and there must be one
 */
export function complianceErrorOf(
  region: string,
  drRegions: readonly string[] | undefined,
  isMultiRegion: boolean,
  inReplicas: readonly { region: string; error: ComplianceError }[],
): ComplianceError {
  if (!isMultiRegion) {
    return missing(region, 'The key is a single-region key: no other region can stand in for its own.')
  }
  if (drRegions === undefined) {
    if (inReplicas.length === 0)
      return missing(region, 'The multi-region key has no replica in another region.')
    return inReplicas.find(({ error }) => error.code !== '')?.error ?? compliant
  }
  for (const drRegion of drRegions) {
    const replica = inReplicas.find((one) => one.region === drRegion)
    if (replica === undefined) {
      return missing(
        drRegion,
        `The key has no replica in ${drRegion}, where this installation goes on when ${region} fails.`,
      )
    }
    if (replica.error.code !== '') return replica.error
  }
  return compliant
}

function missing(region: string, message: string): ComplianceError {
  return { code: 'ERR_KEY_SINGLE_REGION', region, message }
}
