// Every action that a key policy may name. A policy written for AWS must be accepted, so the actions of operations that
// local-kms does not offer are known here too.

/** The operations that local-kms offers, by the names that X-Amz-Target has for them. */
export const offeredOperations = [
  'CancelKeyDeletion',
  'ConnectCustomKeyStore',
  'CreateAlias',
  'CreateCustomKeyStore',
  'CreateGrant',
  'CreateKey',
  'Decrypt',
  'DeleteAlias',
  'DeleteCustomKeyStore',
  'DeleteImportedKeyMaterial',
  'DescribeCustomKeyStores',
  'DescribeKey',
  'DisableKey',
  'DisableKeyRotation',
  'DisconnectCustomKeyStore',
  'EnableKey',
  'EnableKeyRotation',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
  'GenerateRandom',
  'GetKeyPolicy',
  'GetKeyRotationStatus',
  'GetParametersForImport',
  'ImportKeyMaterial',
  'ListAliases',
  'ListGrants',
  'ListKeyPolicies',
  'ListKeyRotations',
  'ListKeys',
  'ListResourceTags',
  'ListRetirableGrants',
  'PutKeyPolicy',
  'ReEncrypt',
  'ReplicateKey',
  'RetireGrant',
  'RevokeGrant',
  'RotateKeyOnDemand',
  'ScheduleKeyDeletion',
  'TagResource',
  'UntagResource',
  'UpdateAlias',
  'UpdateCustomKeyStore',
  'UpdateKeyDescription',
  'UpdatePrimaryRegion',
] as const
export type OfferedOperation = (typeof offeredOperations)[number]

/** The operations of AWS KMS that local-kms refuses. */
export const refusedOperations: ReadonlySet<string> = new Set([
  'Decapsulate',
  'DeriveSharedSecret',
  'Encapsulate',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateMac',
  'GetKeyLastUsage',
  'GetPublicKey',
  'Sign',
  'Verify',
  'VerifyMac',
])

// ReEncrypt is no action itself: it needs one on each side. The last one has no operation of its own.
const actionsWithoutOperation = ['ReEncryptFrom', 'ReEncryptTo', 'SynchronizeMultiRegionKey']

/** In lower case, as in `kms:decrypt`. */
export const keyPolicyActions: readonly string[] = [
  ...offeredOperations.filter((name) => name !== 'ReEncrypt'),
  ...refusedOperations,
  ...actionsWithoutOperation,
].map((name) => `kms:${name.toLowerCase()}`)
