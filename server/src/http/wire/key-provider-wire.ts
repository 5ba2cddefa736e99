// A key provider as the wire shows it.
import { spellings, type KeyProvider } from '@keyhold/contract'
import { KeyholdError, type KeyInspection } from '@keyhold/core'
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { keyHealthOf } from '../../health/key-health.ts'
import type { KeyHealthRow } from '../../store/key-health.ts'
import type { KeyProviderRow } from '../../store/key-providers.ts'
import { keyAliasWire } from './key-alias-wire.ts'
import { keyHealthWire } from './key-health-wire.ts'
import { wireSeconds } from './wire-time.ts'

const finding = Type.Object({ code: Type.String(), region: Type.String(), message: Type.String() })

const inspectionForm = Compile(
  Type.Object({
    keyArn: Type.String(),
    multiRegion: Type.Boolean(),
    replicaKeys: Type.Array(Type.Object({ keyArn: Type.String(), region: Type.String() })),
    drCompliant: Type.Boolean(),
    complianceError: finding,
    warnings: Type.Optional(Type.Array(finding)),
  }),
)

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
    ...(row.kms === 'aws' && inspectionWire(row.inspection)),
    ...(row.roleArn !== undefined && { roleArn: row.roleArn }),
    ...(health !== undefined && { health: keyHealthWire(health, alias) }),
    ...(alias !== undefined && { alias }),
  }
}

/** @throws KeyholdError `ERR_KEY_PROVIDER_RECORD_INVALID` */
export function inspectionWire(stored: unknown) {
  if (!inspectionForm.Check(stored)) throw new KeyholdError('ERR_KEY_PROVIDER_RECORD_INVALID')
  const inspection: KeyInspection = stored
  return {
    multiRegion: inspection.multiRegion,
    replicaKeys: inspection.replicaKeys.map(({ keyArn, region }) => ({ arn: keyArn, region })),
    drCompliant: inspection.drCompliant,
    complianceError: inspection.complianceError,
    ...(inspection.warnings !== undefined && { warnings: inspection.warnings }),
  }
}
