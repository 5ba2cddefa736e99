// Every action that a key policy may name. Those without an operation here are known all the same: a policy
// written for AWS must be accepted, and the operation answers that it is not supported.

export const OPERATIONS_NOT_OFFERED: ReadonlySet<string> = new Set([
  'ConnectCustomKeyStore',
  'CreateCustomKeyStore',
  'CreateGrant',
  'Decapsulate',
  'DeleteCustomKeyStore',
  'DeleteImportedKeyMaterial',
  'DeriveSharedSecret',
  'DescribeCustomKeyStores',
  'DisconnectCustomKeyStore',
  'Encapsulate',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateMac',
  'GenerateRandom',
  'GetKeyLastUsage',
  'GetParametersForImport',
  'GetPublicKey',
  'ImportKeyMaterial',
  'ListGrants',
  'ListKeyRotations',
  'ListRetirableGrants',
  'RetireGrant',
  'RevokeGrant',
  'Sign',
  'UpdateCustomKeyStore',
  'UpdatePrimaryRegion',
  'Verify',
  'VerifyMac',
])

/** ReEncrypt is not an action: it needs one on each side. */
const ACTIONS_OFFERED = [
  'CancelKeyDeletion',
  'CreateAlias',
  'CreateKey',
  'Decrypt',
  'DeleteAlias',
  'DescribeKey',
  'DisableKey',
  'DisableKeyRotation',
  'EnableKey',
  'EnableKeyRotation',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
  'GetKeyPolicy',
  'GetKeyRotationStatus',
  'ListAliases',
  'ListKeyPolicies',
  'ListKeys',
  'ListResourceTags',
  'PutKeyPolicy',
  'ReEncryptFrom',
  'ReEncryptTo',
  'ReplicateKey',
  'RotateKeyOnDemand',
  'ScheduleKeyDeletion',
  'TagResource',
  'UntagResource',
  'UpdateAlias',
  'UpdateKeyDescription',
]

// Permissions without an operation of their own.
const PERMISSIONS_ONLY = ['SynchronizeMultiRegionKey']

export const KEY_POLICY_ACTIONS: readonly string[] = [
  ...ACTIONS_OFFERED,
  ...OPERATIONS_NOT_OFFERED,
  ...PERMISSIONS_ONLY,
].map((name) => `kms:${name.toLowerCase()}`)
