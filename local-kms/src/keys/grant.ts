// The shape of a grant: it lets one principal do some operations with a key in one Region, whatever the key policy says.
// Grants are stored with their key, under these names.

/** The operations that a grant may allow, by the names of the service model. */
export const grantOperations = [
  'CreateGrant',
  'Decrypt',
  'DeriveSharedSecret',
  'DescribeKey',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateDataKeyWithoutPlaintext',
  'GenerateMac',
  'GetPublicKey',
  'ReEncryptFrom',
  'ReEncryptTo',
  'RetireGrant',
  'Sign',
  'Verify',
  'VerifyMac',
] as const
export type GrantOperation = (typeof grantOperations)[number]

export interface Grant {
  /** 64 hex digits. */
  readonly id: string
  /** As CreateGrant answers it. Whoever shows it uses the grant before it has spread. */
  readonly tokens: readonly string[]
  readonly name?: string | undefined
  readonly grantee: string
  readonly retiring?: string | undefined
  readonly operations: readonly GrantOperation[]
  readonly constraints?: GrantConstraints | undefined
  /** The account whose principal created the grant. */
  readonly issuer: string
  /** Milliseconds since 1970. */
  readonly created: number
}

/** Pairs that the encryption context of a call must have: these and no others, or these among others. */
export interface GrantConstraints {
  readonly equals?: Readonly<Record<string, string>> | undefined
  readonly subset?: Readonly<Record<string, string>> | undefined
}
