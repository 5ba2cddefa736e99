// A request that breaks a limit or a rule is refused with the name and the words of AWS, and with HTTP 400.
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DeleteAliasCommand,
  EncryptCommand,
  type EncryptCommandInput,
  GenerateDataKeyCommand,
  GetKeyPolicyCommand,
  ListKeysCommand,
  PutKeyPolicyCommand,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { beforeAll, expect, test } from 'vitest'
import { bytes, createKey, ownerAccount, homeRegion, refusal, startKms } from './kms-under-test.ts'

const kms = await startKms()
const client = kms.client()
const key = await createKey(client)
const pending = await createKey(client)
const hmac = await createKey(client, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' })
const unknownSpec: object = { KeySpec: 'AES_512' }
const arnOf = (resource: string) => `arn:aws:kms:${homeRegion}:${ownerAccount}:${resource}`

const encrypt = (KeyId: string, more: Partial<EncryptCommandInput> = {}) =>
  client.send(new EncryptCommand({ KeyId, Plaintext: bytes('x'), ...more }))

beforeAll(async () => {
  await client.send(new ScheduleKeyDeletionCommand({ KeyId: pending.keyId }))
  await client.send(new CreateAliasCommand({ AliasName: 'alias/taken', TargetKeyId: key.keyId }))
})

const cases: [string, () => Promise<unknown>, string, string][] = [
  [
    'an empty plaintext',
    () => encrypt(key.arn, { Plaintext: bytes('') }),
    'ValidationException',
    "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1",
  ],
  [
    'a long plaintext',
    () => encrypt(key.arn, { Plaintext: new Uint8Array(4097) }),
    'ValidationException',
    "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096",
  ],
  [
    'a long ciphertext',
    () => client.send(new DecryptCommand({ CiphertextBlob: new Uint8Array(6145) })),
    'ValidationException',
    "1 validation error detected: Value at 'ciphertextBlob' failed to satisfy constraint: Member must have length less than or equal to 6144",
  ],
  [
    'a missing plaintext',
    () => client.send(new EncryptCommand({ KeyId: key.arn, Plaintext: undefined })),
    'ValidationException',
    "1 validation error detected: Value null at 'plaintext' failed to satisfy constraint: Member must not be null",
  ],
  [
    'two broken limits',
    () => encrypt('', { Plaintext: bytes('') }),
    'ValidationException',
    "2 validation errors detected: Value '' at 'keyId' failed to satisfy constraint: Member must have length greater than or equal to 1; Value at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1",
  ],
  [
    '0 bytes of data key',
    () => client.send(new GenerateDataKeyCommand({ KeyId: key.arn, NumberOfBytes: 0 })),
    'ValidationException',
    "1 validation error detected: Value '0' at 'numberOfBytes' failed to satisfy constraint: Member must have value greater than or equal to 1",
  ],
  [
    '1025 bytes of data key',
    () => client.send(new GenerateDataKeyCommand({ KeyId: key.arn, NumberOfBytes: 1025 })),
    'ValidationException',
    "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy constraint: Member must have value less than or equal to 1024",
  ],
  [
    'a data key of no size',
    () => client.send(new GenerateDataKeyCommand({ KeyId: key.arn })),
    'ValidationException',
    'Please specify either number of bytes or key spec.',
  ],
  [
    'a data key of two sizes',
    () => client.send(new GenerateDataKeyCommand({ KeyId: key.arn, KeySpec: 'AES_128', NumberOfBytes: 16 })),
    'ValidationException',
    'Please specify either number of bytes or key spec.',
  ],
  [
    'an unknown data key spec',
    () => client.send(new GenerateDataKeyCommand({ KeyId: key.arn, ...unknownSpec })),
    'ValidationException',
    "1 validation error detected: Value 'AES_512' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [AES_256, AES_128]",
  ],
  [
    '11 grant tokens',
    () => encrypt(key.arn, { GrantTokens: Array<string>(11).fill('t') }),
    'ValidationException',
    "1 validation error detected: Value at 'grantTokens' failed to satisfy constraint: Member must have length less than or equal to 10",
  ],
  [
    'a long waiting period',
    () => client.send(new ScheduleKeyDeletionCommand({ KeyId: key.arn, PendingWindowInDays: 31 })),
    'ValidationException',
    'PendingWindowInDays should be between 7 and 30, but it is 31',
  ],
  [
    'a short waiting period',
    () => client.send(new ScheduleKeyDeletionCommand({ KeyId: key.arn, PendingWindowInDays: 6 })),
    'ValidationException',
    'PendingWindowInDays should be between 7 and 30, but it is 6',
  ],
  [
    'a bad replica Region',
    () => client.send(new ReplicateKeyCommand({ KeyId: key.arn, ReplicaRegion: 'mars' })),
    'ValidationException',
    String.raw`1 validation error detected: Value 'mars' at 'replicaRegion' failed to satisfy constraint: Member must satisfy regular expression pattern: ^([a-z]+-){2,3}\d+$`,
  ],
  [
    'a MAC key without usage',
    () => client.send(new CreateKeyCommand({ KeySpec: 'HMAC_256' })),
    'ValidationException',
    'You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.',
  ],
  [
    'a usage that the spec does not have',
    () => client.send(new CreateKeyCommand({ KeySpec: 'HMAC_256', KeyUsage: 'SIGN_VERIFY' })),
    'ValidationException',
    'KeyUsage SIGN_VERIFY is not compatible with KeySpec HMAC_256.',
  ],
  [
    'imported material of an RSA key',
    () =>
      client.send(new CreateKeyCommand({ Origin: 'EXTERNAL', KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' })),
    'UnsupportedOperationException',
    'Key spec RSA_2048 with the origin EXTERNAL is not offered by local-kms.',
  ],
  [
    'an invented marker',
    () => client.send(new ListKeysCommand({ Marker: 'x' })),
    'InvalidMarkerException',
    'Invalid marker.',
  ],

  [
    'an alias without prefix',
    () => client.send(new CreateAliasCommand({ AliasName: 'x', TargetKeyId: key.arn })),
    'ValidationException',
    'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html',
  ],
  [
    'an alias that exists',
    () => client.send(new CreateAliasCommand({ AliasName: 'alias/taken', TargetKeyId: key.arn })),
    'AlreadyExistsException',
    `An alias with the name ${arnOf('alias/taken')} already exists`,
  ],
  [
    'an alias of a key pending deletion',
    () => client.send(new CreateAliasCommand({ AliasName: 'alias/late', TargetKeyId: pending.arn })),
    'KMSInvalidStateException',
    `${pending.arn} is pending deletion.`,
  ],
  [
    'deleting no alias',
    () => client.send(new DeleteAliasCommand({ AliasName: 'alias/none' })),
    'NotFoundException',
    `Alias ${arnOf('alias/none')} is not found.`,
  ],
  [
    'an alias moved to another kind of key',
    () => client.send(new UpdateAliasCommand({ AliasName: 'alias/taken', TargetKeyId: hmac.arn })),
    'UnsupportedOperationException',
    'The current and new key must be of the same type and have the same key usage.',
  ],
  [
    'a tag twice',
    () =>
      client.send(
        new TagResourceCommand({
          KeyId: key.arn,
          Tags: [1, 2].map((n) => ({ TagKey: 'a', TagValue: String(n) })),
        }),
      ),
    'TagException',
    'Duplicate tag keys',
  ],
  [
    'a reserved tag',
    () => client.send(new TagResourceCommand({ KeyId: key.arn, Tags: [{ TagKey: 'aws:x', TagValue: '' }] })),
    'TagException',
    'Tags beginning with aws: are reserved',
  ],
  [
    '51 tags',
    () =>
      client.send(
        new CreateKeyCommand({
          Tags: Array.from({ length: 51 }, (_, n) => ({ TagKey: String(n), TagValue: '' })),
        }),
      ),
    'TagException',
    'Too many tags',
  ],
  [
    'another policy name',
    () => client.send(new GetKeyPolicyCommand({ KeyId: key.arn, PolicyName: 'mine' })),
    'NotFoundException',
    'No such policy exists',
  ],
  [
    'a policy of 33 KB',
    () => client.send(new PutKeyPolicyCommand({ KeyId: key.arn, Policy: ' '.repeat(33_000) })),
    'LimitExceededException',
    'Policy exceeds 32768 bytes.',
  ],
]

test.each(cases)('%s', async (_, call, name, message) => {
  expect(await refusal(call())).toStrictEqual({ name, message, status: 400 })
})
