// The cost of a migration where the KMS itself wraps each data key: one call to unwrap it and one to wrap it again,
// through the AWS SDK, many at a time.
import { DecryptCommand, EncryptCommand } from '@aws-sdk/client-kms'
import { randomBytes } from 'node:crypto'
import { createCustomerKey } from '../../../../testkit/src/customer/create-customer-key.ts'
import { openCustomerKms } from '../../../../testkit/src/customer/customer-kms.ts'

const atOnce = 50

/** Answers how many keys a second move from one KMS key to another. */
export async function kmsPairsPerSecond(kmsUrl: string, count: number): Promise<number> {
  const client = openCustomerKms(kmsUrl)
  try {
    const [source, target] = [await createCustomerKey(kmsUrl), await createCustomerKey(kmsUrl)]
    const EncryptionContext = { tenantId: 'benchmark' }
    const wrap = async (KeyId: string, Plaintext: Uint8Array) =>
      (await client.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext }))).CiphertextBlob
    const CiphertextBlob = await wrap(source, randomBytes(32))
    let left = count
    const startMs = performance.now()
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (left-- > 0) {
          const opened = await client.send(
            new DecryptCommand({ KeyId: source, CiphertextBlob, EncryptionContext }),
          )
          await wrap(target, opened.Plaintext ?? new Uint8Array())
        }
      }),
    )
    return (count * 1_000) / (performance.now() - startMs)
  } finally {
    client.destroy()
  }
}
