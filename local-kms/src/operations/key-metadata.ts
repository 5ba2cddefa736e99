// A key as DescribeKey, CreateKey and ReplicateKey show it.
import { isPendingImport, type Key, keyArn, keyState } from '../keys/key-record.ts'
import { algorithmsOf } from '../keys/key-spec.ts'

export function keyMetadata(key: Key, nowMs: number): object {
  const { record, local } = key
  const state = keyState(key, nowMs)
  return {
    AWSAccountId: record.account,
    KeyId: record.keyId,
    Arn: key.arn,
    CreationDate: toSeconds(local.created),
    Enabled: state === 'Enabled',
    Description: local.description,
    KeyUsage: record.usage,
    KeyState: state,
    DeletionDate: local.deletion?.date === undefined ? undefined : toSeconds(local.deletion.date),
    PendingDeletionWindowInDays: state === 'PendingReplicaDeletion' ? local.deletion?.windowDays : undefined,
    Origin: record.origin ?? 'AWS_KMS',
    CustomKeyStoreId: record.customKeyStore?.id,
    CloudHsmClusterId: record.customKeyStore?.cloudHsmClusterId,
    XksKeyConfiguration: record.customKeyStore?.xksKeyId && { Id: record.customKeyStore.xksKeyId },
    ...expiration(key),
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: record.spec,
    KeySpec: record.spec,
    CurrentKeyMaterialId: (record.imports ?? record.materials).at(-1)?.id,
    ...algorithmsOf(record.spec, record.usage),
    MultiRegion: record.multiRegion,
    MultiRegionConfiguration: record.multiRegion ? multiRegionConfiguration(key) : undefined,
  }
}

/** Shown while the material is there; of several, the first to expire counts. */
function expiration(key: Key): object {
  if (key.record.origin !== 'EXTERNAL' || isPendingImport(key)) return {}
  return expirationOf(Math.min(...(key.local.imported ?? []).map(({ validTo = Infinity }) => validTo)))
}

/** @param validTo - in milliseconds since 1970; not finite for material that does not expire */
export function expirationOf(validTo: number): object {
  return Number.isFinite(validTo)
    ? { ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo: toSeconds(validTo) }
    : { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' }
}

/** The protocol's timestamps are seconds, with a fraction. */
export function toSeconds(milliseconds: number): number {
  return milliseconds / 1_000
}

function multiRegionConfiguration({ record, region }: Key): object {
  const place = (name: string): object => ({ Arn: keyArn(record, name), Region: name })
  const replicas = Object.keys(record.regions).filter((name) => name !== record.primaryRegion)
  return {
    MultiRegionKeyType: region === record.primaryRegion ? 'PRIMARY' : 'REPLICA',
    PrimaryKey: place(record.primaryRegion),
    ReplicaKeys: replicas.map(place),
  }
}
