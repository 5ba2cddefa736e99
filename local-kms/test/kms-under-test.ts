// A local KMS with clients for its accounts, its control routes, and the reason of a refusal.
import {
  CreateKeyCommand,
  KMSClient,
  type CreateKeyCommandInput,
  KMSServiceException,
} from '@aws-sdk/client-kms'
import { STSClient } from '@aws-sdk/client-sts'
import { afterAll } from 'vitest'
import { type LocalKms, type LocalKmsOptions, startLocalKms } from '../src/index.ts'

export const ownerAccount = '111122223333'
export const strangerAccount = '444455556666'
export const homeRegion = 'eu-west-1'
export const otherRegion = 'us-east-1'

/** Default: the administrator of the owner's account in the home Region, without retries. */
interface As {
  accessKeyId?: string
  secretAccessKey?: string
  sessionToken?: string
  region?: string
  maxAttempts?: number
  /** Milliseconds. */
  systemClockOffset?: number
}

/** Its clients are closed with it, after the last test of the file. */
interface KmsUnderTest extends LocalKms {
  client(as?: As): KMSClient
  stsClient(as?: As): STSClient
  /** Calls a control route. */
  control(method: string, path: string, body?: unknown): Promise<Response>
}

export async function startKms(options: LocalKmsOptions = {}): Promise<KmsUnderTest> {
  const kms = await startLocalKms(options)
  const clients: { destroy(): void }[] = []
  afterAll(async () => {
    for (const client of clients) client.destroy()
    await kms.close()
  })
  function kept<Client extends { destroy(): void }>(client: Client): Client {
    clients.push(client)
    return client
  }
  return {
    ...kms,
    client: (as) => kept(createClient(kms.url, as)),
    stsClient: (as) => kept(new STSClient(clientConfig(kms.url, as))),
    control: (method, path, body) =>
      fetch(`${kms.url}/_local-kms/${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  }
}

/** The caller destroys it. */
export function createClient(endpoint: string, as?: As): KMSClient {
  return new KMSClient(clientConfig(endpoint, as))
}

function clientConfig(
  endpoint: string,
  {
    accessKeyId = ownerAccount,
    secretAccessKey = 'test',
    sessionToken,
    region = homeRegion,
    maxAttempts = 1,
    systemClockOffset = 0,
  }: As = {},
) {
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) }
  return { endpoint, region, credentials, maxAttempts, systemClockOffset }
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
