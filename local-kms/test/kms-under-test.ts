// A local KMS with clients for its accounts, and what a refused call was refused with.
import {
  CreateKeyCommand,
  KMSClient,
  type CreateKeyCommandInput,
  KMSServiceException,
} from '@aws-sdk/client-kms'
import { afterAll } from 'vitest'
import { type LocalKms, type LocalKmsOptions, startLocalKms } from '../src/index.ts'

export const OWNER = '111122223333'
export const STRANGER = '444455556666'
export const REGION = 'eu-west-1'
export const OTHER_REGION = 'us-east-1'

interface As {
  readonly accessKeyId?: string
  readonly secretAccessKey?: string
  readonly region?: string
}

interface KmsUnderTest extends LocalKms {
  client(as?: As): KMSClient
}

export async function startKms(options: LocalKmsOptions = {}): Promise<KmsUnderTest> {
  const kms = await startLocalKms(options)
  const clients: KMSClient[] = []
  afterAll(async () => {
    for (const client of clients) client.destroy()
    await kms.close()
  })
  return {
    ...kms,
    client: ({ accessKeyId = OWNER, secretAccessKey = 'test', region = REGION } = {}) => {
      const client = new KMSClient({
        endpoint: kms.url,
        region,
        credentials: { accessKeyId, secretAccessKey },
        maxAttempts: 1,
      })
      clients.push(client)
      return client
    },
  }
}

export async function createKey(client: KMSClient, input: Partial<CreateKeyCommandInput> = {}) {
  const { KeyMetadata } = await client.send(new CreateKeyCommand(input))
  if (KeyMetadata?.KeyId === undefined || KeyMetadata.Arn === undefined) throw new Error('no key')
  return { keyId: KeyMetadata.KeyId, arn: KeyMetadata.Arn, metadata: KeyMetadata }
}

/** Fails when the call is not refused, or not by the KMS. */
export async function refusal(call: Promise<unknown>) {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof KMSServiceException)) {
    throw new Error(`expected a refusal, got ${error instanceof Error ? error.message : 'an answer'}`, {
      cause: error,
    })
  }
  return { name: error.name, message: error.message, status: error.$metadata.httpStatusCode }
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function text(data: Uint8Array | undefined): string {
  return new TextDecoder().decode(data)
}
