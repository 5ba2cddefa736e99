// Custom key stores of a local KMS whose clock tests move.
import {
  ConnectCustomKeyStoreCommand,
  CreateCustomKeyStoreCommand,
  type CreateCustomKeyStoreCommandInput,
  DecryptCommand,
  DescribeCustomKeyStoresCommand,
  DisconnectCustomKeyStoreCommand,
  EncryptCommand,
} from '@aws-sdk/client-kms'
import { bytes, createKey, startKms, text } from '../kms-under-test.ts'

export const endpoint = 'https://xks.example.com'
export const settlingMs = 200

export const credential = (AccessKeyId = 'ABCDEFGHIJKLMNOPQRST') => ({
  AccessKeyId,
  RawSecretAccessKey: 'x'.repeat(43),
})

export const invalidState = (message: string) => ({ name: 'KMSInvalidStateException', message, status: 400 })

export async function startKeyStores() {
  let now = Date.now()
  let stores = 0
  const kms = await startKms({ now: () => now })
  const client = kms.client()

  function pass(milliseconds: number): void {
    now += milliseconds
  }

  function createStore(input: Partial<CreateCustomKeyStoreCommandInput> = {}) {
    stores++
    const command = new CreateCustomKeyStoreCommand({
      CustomKeyStoreName: `store ${stores}`,
      CustomKeyStoreType: 'EXTERNAL_KEY_STORE',
      XksProxyUriEndpoint: endpoint,
      XksProxyUriPath: `/number${stores}/kms/xks/v1`,
      XksProxyConnectivity: 'PUBLIC_ENDPOINT',
      XksProxyAuthenticationCredential: credential(),
      ...input,
    })
    return client.send(command)
  }

  const connect = (CustomKeyStoreId: string) =>
    client.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }))

  async function connectedStore(made: Promise<{ CustomKeyStoreId?: string | undefined }> = createStore()) {
    const { CustomKeyStoreId = '' } = await made
    await connect(CustomKeyStoreId)
    pass(settlingMs)
    return CustomKeyStoreId
  }

  return {
    kms,
    client,
    /** Moves the clock. */
    pass,
    createStore,
    connect,
    connectedStore,
    createCluster: (CloudHsmClusterId: string, CustomKeyStoreName = CloudHsmClusterId) =>
      client.send(
        new CreateCustomKeyStoreCommand({
          CustomKeyStoreName,
          CloudHsmClusterId,
          TrustAnchorCertificate: 'certificate',
          KeyStorePassword: 'password',
        }),
      ),
    disconnect: (CustomKeyStoreId: string) =>
      client.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId })),
    describeStore: async (CustomKeyStoreId: string) =>
      (await client.send(new DescribeCustomKeyStoresCommand({ CustomKeyStoreId }))).CustomKeyStores?.[0],
    xksKey: (CustomKeyStoreId: string, XksKeyId: string) =>
      createKey(client, { Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId, XksKeyId }),
    encrypt: async (KeyId: string) =>
      (await client.send(new EncryptCommand({ KeyId, Plaintext: bytes('x'), EncryptionContext: { a: 'b' } })))
        .CiphertextBlob,
    decrypt: async (CiphertextBlob: Uint8Array | undefined, a = 'b') =>
      text((await client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: { a } }))).Plaintext),
  }
}
