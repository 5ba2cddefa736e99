// A key provider as the wire shows it.
import { spellings, type KeyProvider } from '@keyhold/contract'
import { KeyholdError, type ErrorCode, type KeyInspection } from '@keyhold/core'
import { keyHealthOf } from '../../health/key-health.ts'
import { valueOf } from '../../store/json-column.ts'
import type { KeyHealthRow } from '../../store/key-health.ts'
import type {
  KeyProviderRow,
  ShownKeyProvider,
  TamperedKeyProvider,
} from '../../store/key-providers/key-provider-row.ts'
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
    ...(row.roleAccess !== undefined && { roleAccess: row.roleAccess }),
    ...(health !== undefined && { health: keyHealthWire(health, alias) }),
    ...(alias !== undefined && { alias }),
  }
}

/**
 * A key provider in a list, where no row keeps the others from being shown. One that somebody has tampered with has all members
 * that clients of the original know, and none of its own texts.
 */
export function listedKeyProviderWire(
  row: ShownKeyProvider,
  healthRows: readonly KeyHealthRow[],
): KeyProvider {
  return row.isTampered === true ? tamperedWire(row) : keyProviderWire(row, healthRows)
}

/** Whether it is the default provider: no other one has the tenant's id for a fingerprint. */
export function isDefaultProvider({ tenantId, fingerprint }: ShownKeyProvider): boolean {
  return fingerprint === tenantId
}

function tamperedWire(row: TamperedKeyProvider): KeyProvider {
  const isDefault = isDefaultProvider(row)
  return {
    name: spellings.tamperedProviderName,
    tenantId: row.tenantId,
    arn: isDefault ? spellings.defaultProviderArn : spellings.tamperedProviderArn,
    arnFingerPrint: row.fingerprint,
    keyprovider: isDefault ? spellings.defaultProviderKind : spellings.awsProviderKind,
    ...(row.isCurrent && { current: true as const }),
    createdAt: isDefault ? spellings.defaultProviderCreatedAt : spellings.zeroTime,
    promotedToCurrentAt: spellings.zeroTime,
    demotedFromCurrentAt: spellings.zeroTime,
    ...(!isDefault && { drCompliant: false }),
    // Here the original tells of a defect.
    complianceError: {
      code: 'ERR_RECORD_NOT_AUTHENTIC' satisfies ErrorCode,
      region: '',
      message:
        'The stored key provider is not as Keyhold wrote it, and is not used: ask the operator of this installation.',
    },
    tampered: true,
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
