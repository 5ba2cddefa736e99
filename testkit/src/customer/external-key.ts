// A customer's external key store, behind which there is nothing but the failures that tests switch on.
import {
  ConnectCustomKeyStoreCommand,
  CreateCustomKeyStoreCommand,
  DisconnectCustomKeyStoreCommand,
  type KMSClient,
} from '@aws-sdk/client-kms'
import type { BackingFailure, LocalKms } from '@keyhold/local-kms'
import { setTimeout as sleep } from 'node:timers/promises'
import { createKeyWith } from './create-customer-key.ts'

// A store is connecting or disconnecting for a moment.
const settlingMs = 250

/** A key, and the store that holds it alone. */
export interface ExternalKey {
  readonly keyArn: string
  /** Lets every call for the key fail from now on; answers what ends that. Of several failures the last one shows. */
  fail(failure: BackingFailure): () => void
  disconnect(): Promise<void>
  connect(): Promise<void>
}

let stores = 0

/** Makes a store that is connected, with one key, in the region of the client. */
export async function createExternalKey(
  local: Pick<LocalKms, 'backingFailures'>,
  kms: KMSClient,
  policy: string,
): Promise<ExternalKey> {
  stores += 1
  const endpoint = `https://xks-${stores}.example.com`
  const { CustomKeyStoreId: id = '' } = await kms.send(
    new CreateCustomKeyStoreCommand({
      CustomKeyStoreName: `store ${stores}`,
      CustomKeyStoreType: 'EXTERNAL_KEY_STORE',
      XksProxyUriEndpoint: endpoint,
      XksProxyUriPath: '/kms/xks/v1',
      XksProxyConnectivity: 'PUBLIC_ENDPOINT',
      XksProxyAuthenticationCredential: {
        AccessKeyId: 'ABCDEFGHIJKLMNOPQRST',
        RawSecretAccessKey: 'x'.repeat(43),
      },
    }),
  )

  async function connect(): Promise<void> {
    await kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId: id }))
    await sleep(settlingMs)
  }

  const failures: { failure: BackingFailure }[] = []
  function show(): void {
    local.backingFailures.clear(endpoint)
    const last = failures.at(-1)
    if (last !== undefined) local.backingFailures.put(endpoint, last.failure)
  }

  await connect()
  const { keyArn } = await createKeyWith(kms, {
    ...{ Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId: id, XksKeyId: 'key-1' },
    Policy: policy,
  })
  return {
    keyArn,
    connect,
    async disconnect() {
      await kms.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId: id }))
      await sleep(settlingMs)
    },
    fail(failure) {
      const one = { failure }
      failures.push(one)
      show()
      return () => {
        failures.splice(failures.indexOf(one), 1)
        show()
      }
    },
  }
}
