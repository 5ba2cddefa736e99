// Each refusal has the name and the words of AWS, and is HTTP 400.
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  type EncryptCommandInput,
  GenerateDataKeyCommand,
  ReEncryptCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
} from '@aws-sdk/client-kms'
import { beforeAll, expect, test } from 'vitest'
import { bytes, createKey, ownerAccount, homeRegion, refusal, startKms } from './kms-under-test.ts'

const kms = await startKms()
const client = kms.client()
const key = await createKey(client)
const disabled = await createKey(client)
const pending = await createKey(client)
const rsa = await createKey(client, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' })
const ecc = await createKey(client, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
const hmac = await createKey(client, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' })
const missing = '00000000-0000-4000-8000-000000000000'
const arnOf = (resource: string) => `arn:aws:kms:${homeRegion}:${ownerAccount}:${resource}`

let sealedByDisabled: Uint8Array
let sealedByPending: Uint8Array

const encrypt = (KeyId: string, more: Partial<EncryptCommandInput> = {}) =>
  client.send(new EncryptCommand({ KeyId, Plaintext: bytes('x'), ...more }))

beforeAll(async () => {
  sealedByDisabled = (await encrypt(disabled.keyId)).CiphertextBlob ?? bytes('')
  sealedByPending = (await encrypt(pending.keyId)).CiphertextBlob ?? bytes('')
  await client.send(new DisableKeyCommand({ KeyId: disabled.keyId }))
  await client.send(new ScheduleKeyDeletionCommand({ KeyId: pending.keyId }))
  await client.send(new CreateAliasCommand({ AliasName: 'alias/taken', TargetKeyId: key.keyId }))
})

const sealed = async () => (await encrypt(key.keyId)).CiphertextBlob ?? bytes('')

const cases: [string, () => Promise<unknown>, string, string][] = [
  [
    'no such key',
    () => encrypt(missing),
    'NotFoundException',
    `Key '${arnOf(`key/${missing}`)}' does not exist`,
  ],
  [
    'no such key by ARN',
    () => encrypt(arnOf(`key/${missing}`)),
    'NotFoundException',
    `Key '${arnOf(`key/${missing}`)}' does not exist`,
  ],
  ['no key id at all', () => encrypt('nonsense'), 'NotFoundException', "Invalid keyId 'nonsense'"],
  ['a short mrk id', () => encrypt('mrk-1234'), 'NotFoundException', "Invalid keyId 'mrk-1234'"],
  [
    'no such alias',
    () => encrypt('alias/none'),
    'NotFoundException',
    `Alias ${arnOf('alias/none')} is not found.`,
  ],
  [
    'an ARN of another service',
    () => encrypt('arn:aws:s3:::bucket'),
    'InvalidArnException',
    'Invalid arn arn:aws:s3:::bucket',
  ],
  [
    'an ARN of another partition',
    () => encrypt(key.arn.replace('aws', 'aws-cn')),
    'InvalidArnException',
    `Invalid arn ${key.arn.replace('aws', 'aws-cn')}`,
  ],
  [
    'an alias where only a key is accepted',
    () => client.send(new DisableKeyCommand({ KeyId: 'alias/taken' })),
    'NotFoundException',
    "Invalid keyId 'alias/taken'",
  ],

  [
    'Encrypt under a disabled key',
    () => encrypt(disabled.keyId),
    'DisabledException',
    `${disabled.arn} is disabled.`,
  ],
  [
    'Decrypt under a disabled key',
    () => client.send(new DecryptCommand({ CiphertextBlob: sealedByDisabled })),
    'DisabledException',
    `${disabled.arn} is disabled.`,
  ],
  [
    'GenerateDataKey under a disabled key',
    () => client.send(new GenerateDataKeyCommand({ KeyId: disabled.keyId, KeySpec: 'AES_256' })),
    'DisabledException',
    `${disabled.arn} is disabled.`,
  ],
  [
    'ReEncrypt to a disabled key',
    async () =>
      client.send(new ReEncryptCommand({ CiphertextBlob: await sealed(), DestinationKeyId: disabled.arn })),
    'DisabledException',
    `${disabled.arn} is disabled.`,
  ],
  [
    'Encrypt under a key pending deletion',
    () => encrypt(pending.keyId),
    'KMSInvalidStateException',
    `${pending.arn} is pending deletion.`,
  ],
  [
    'Decrypt under a key pending deletion',
    () => client.send(new DecryptCommand({ CiphertextBlob: sealedByPending })),
    'KMSInvalidStateException',
    `${pending.arn} is pending deletion.`,
  ],
  [
    'EnableKey of a key pending deletion',
    () => client.send(new EnableKeyCommand({ KeyId: pending.keyId })),
    'KMSInvalidStateException',
    `${pending.arn} is pending deletion.`,
  ],
  [
    'scheduling a deletion twice',
    () => client.send(new ScheduleKeyDeletionCommand({ KeyId: pending.keyId })),
    'KMSInvalidStateException',
    `${pending.arn} is pending deletion.`,
  ],
  [
    'cancelling no deletion',
    () => client.send(new CancelKeyDeletionCommand({ KeyId: key.keyId })),
    'KMSInvalidStateException',
    `${key.arn} is not pending deletion.`,
  ],
  [
    'rotation of a disabled key',
    () => client.send(new EnableKeyRotationCommand({ KeyId: disabled.keyId })),
    'DisabledException',
    `${disabled.arn} is disabled.`,
  ],

  [
    'Encrypt with a signing key',
    () => encrypt(ecc.arn),
    'InvalidKeyUsageException',
    `${ecc.arn} key usage is SIGN_VERIFY which is not valid for Encrypt.`,
  ],
  [
    'GenerateDataKey with a MAC key',
    () => client.send(new GenerateDataKeyCommand({ KeyId: hmac.arn, KeySpec: 'AES_256' })),
    'InvalidKeyUsageException',
    `${hmac.arn} key usage is GENERATE_VERIFY_MAC which is not valid for GenerateDataKey.`,
  ],
  [
    'Encrypt with an RSA key',
    () => encrypt(rsa.arn),
    'InvalidKeyUsageException',
    'Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.',
  ],
  [
    'an RSA algorithm with an AES key',
    () => encrypt(key.arn, { EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }),
    'InvalidKeyUsageException',
    'Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT.',
  ],
  [
    'Decrypt with a signing key',
    async () => client.send(new DecryptCommand({ CiphertextBlob: await sealed(), KeyId: ecc.arn })),
    'IncorrectKeyException',
    'The key ID in the request does not identify a CMK that can perform this operation.',
  ],
  [
    'rotation of a signing key',
    () => client.send(new EnableKeyRotationCommand({ KeyId: ecc.arn })),
    'UnsupportedOperationException',
    `${ecc.arn} key spec is ECC_NIST_P256 which is not valid for this operation.`,
  ],
  [
    'bytes that are no ciphertext',
    () => client.send(new DecryptCommand({ CiphertextBlob: bytes('junk') })),
    'InvalidCiphertextException',
    'UnknownError',
  ],

  [
    'DryRun of a call that would succeed',
    () => encrypt(key.arn, { DryRun: true }),
    'DryRunOperationException',
    'The request would have succeeded, but the DryRun option is set.',
  ],
  [
    'DryRun of a call that would fail',
    () => encrypt(disabled.arn, { DryRun: true }),
    'DisabledException',
    `${disabled.arn} is disabled.`,
  ],

  [
    'signing',
    () =>
      client.send(
        new SignCommand({ KeyId: ecc.arn, Message: bytes('x'), SigningAlgorithm: 'ECDSA_SHA_256' }),
      ),
    'UnsupportedOperationException',
    'Sign is not offered by local-kms.',
  ],
]

test.each(cases)('%s', async (_, call, name, message) => {
  expect(await refusal(call())).toStrictEqual({ name, message, status: 400 })
})

test('describing works in every state', async () => {
  for (const { keyId } of [key, disabled, pending, rsa, ecc, hmac]) {
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId: keyId }))
    expect(KeyMetadata?.KeyId).toBe(keyId)
  }
})
