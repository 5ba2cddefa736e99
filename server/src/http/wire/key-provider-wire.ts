// A key provider as the wire shows it.
import { spellings, type KeyProvider } from '@keyhold/contract'
import { KeyholdError, type KeyInspection } from '@keyhold/core'
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import type { KeyProviderRow } from '../../store/key-providers.ts'
import { wireSeconds } from './wire-time.ts'

const inspectionForm = Compile(
  Type.Object({
    keyArn: Type.String(),
    multiRegion: Type.Boolean(),
    replicaKeys: Type.Array(Type.Object({ keyArn: Type.String(), region: Type.String() })),
    drCompliant: Type.Boolean(),
    complianceError: Type.Object({ code: Type.String(), region: Type.String(), message: Type.String() }),
  }),
)

/** @throws KeyholdError `ERR_KEY_PROVIDER_RECORD_INVALID` when what is stored of the last inspection is damaged */
export function keyProviderWire(row: KeyProviderRow): KeyProvider {
  const { description, isCurrent } = row
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
  }
}

function inspectionWire(stored: unknown) {
  if (!inspectionForm.Check(stored)) throw new KeyholdError('ERR_KEY_PROVIDER_RECORD_INVALID')
  const inspection: KeyInspection = stored
  return {
    multiRegion: inspection.multiRegion,
    replicaKeys: inspection.replicaKeys.map(({ keyArn, region }) => ({ arn: keyArn, region })),
    drCompliant: inspection.drCompliant,
    complianceError: inspection.complianceError,
  }
}
