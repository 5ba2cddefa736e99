// A key as DescribeKey, CreateKey and ReplicateKey show it.
import { type Key, keyArn, keyState } from '../keys/key-record.ts'
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
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: record.spec,
    KeySpec: record.spec,
    CurrentKeyMaterialId: record.materials.at(-1)?.id,
    ...algorithmsOf(record.spec, record.usage),
    MultiRegion: record.multiRegion,
    MultiRegionConfiguration: record.multiRegion ? multiRegionConfiguration(key) : undefined,
  }
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
