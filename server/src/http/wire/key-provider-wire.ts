// A key provider as the wire shows it.
import { spellings, type KeyProvider } from '@keyhold/contract'
import { KeyholdError, type KeyInspection } from '@keyhold/core'
import { keyHealthOf } from '../../health/key-health.ts'
import { valueOf } from '../../store/json-column.ts'
import type { KeyHealthRow } from '../../store/key-health.ts'
import type { KeyProviderRow } from '../../store/key-providers.ts'
import { keyAliasWire } from './key-alias-wire.ts'
import { keyHealthWire } from './key-health-wire.ts'
import { wireSeconds } from './wire-time.ts'

/**
 * @param healthRows - the rows of all the tenant's key providers
 * @throws KeyholdError `ERR_KEY_PROVIDER_RECORD_INVALID` when what is stored of the last inspection is damaged
 */
export function keyProviderWire(row: KeyProviderRow, healthRows: readonly KeyHealthRow[]): KeyProvider {
  const { description, isCurrent } = row
  const ofRow = healthRows.filter(({ fingerprint }) => fingerprint === row.fingerprint)
  const health = row.kms === 'aws' ? keyHealthOf(row.keyArn, ofRow) : undefined
  const alias = keyAliasWire(row)
  return {
    name: row.name,
    tenantId: row.tenantId,
    arn: row.kms === 'internal' ? spellings.defaultProviderArn : row.keyArn,
    arnFingerPrint: row.fingerprint,
    ...(description !== '' && { description }),
    keyprovider: row.kms === 'internal' ? spellings.defaultProviderKind : spellings.awsProviderKind,
    ...(isCurrent && { current: true as const }),
    createdAt: row.kms === 'internal' ? spellings.defaultProviderCreatedAt : wireSeconds(row.createdAt),
    promotedToCurrentAt: wireSeconds(row.promotedAt),
    demotedFromCurrentAt: wireSeconds(row.demotedAt),
    ...(row.kms === 'aws' && inspectionWire(inspectionOf(row))),
    ...(row.roleArn !== undefined && { roleArn: row.roleArn }),
    ...(health !== undefined && { health: keyHealthWire(health, alias) }),
    ...(alias !== undefined && { alias }),
  }
}

// No key of a customer is registered without one.
function inspectionOf(row: KeyProviderRow): KeyInspection {
  const inspection = valueOf(row.inspection)
  if (inspection === undefined) throw new KeyholdError('ERR_KEY_PROVIDER_RECORD_INVALID')
  return inspection
}

export function inspectionWire(inspection: KeyInspection) {
  return {
    multiRegion: inspection.multiRegion,
    replicaKeys: inspection.replicaKeys.map(({ keyArn, region }) => ({ arn: keyArn, region })),
    drCompliant: inspection.drCompliant,
    complianceError: inspection.complianceError,
    ...(inspection.warnings !== undefined && { warnings: inspection.warnings }),
  }
}
