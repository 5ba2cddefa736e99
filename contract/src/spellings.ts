// Spellings and texts that the wire forces on Keyhold. They are used nowhere else.

export const spellings = {
  /** `arn` of the default key provider. */
  defaultProviderArn: '#QLIK_MANAGED_KEY_PROVIDER#',
  /** `keyprovider` of the default key provider. */
  defaultProviderKind: 'Qlik',
  defaultProviderName: 'Qlik Internal Kms',
  defaultProviderDescription: 'Default key management service',
  /** `createdAt` of the default key provider: not a time. */
  defaultProviderCreatedAt: 'Qlik managed',
  /** `keyprovider` of a key in AWS KMS. */
  awsProviderKind: 'AWS-KMS',
  /** "Never" in every time. */
  zeroTime: '0001-01-01T00:00:00Z',
  /** `migratingToPrefix` of a migration to the internal KMS. */
  internalPrefix: 'v1',
  deletedMessage: 'Keyprovider metadata deleted successfully',
  resetNotNeededMessage: 'Tenant is already using Qlik KMS, no migration is required.',
} as const
