// One call to AWS KMS: its region's client, its time-outs, its errors translated. The only place that talks to AWS.
import { KMSClient } from '@aws-sdk/client-kms'
import type { KmsCallOptions } from '@keyhold/core'
import { fromAwsError } from './aws-kms-errors.ts'

const connectTimeoutMs = 500
const attemptTimeoutMs = 1_000
const totalTimeoutMs = 3_000
const maxAttempts = 3

export interface AwsKmsOptions {
  /** Where AWS KMS is, for all regions; undefined: AWS itself. */
  endpoint: string | undefined
  /** Undefined: the SDK's standard chain (environment, profile, container, instance). */
  credentials: { accessKeyId: string; secretAccessKey: string } | undefined
}

/** Sends one command with its region's client; throws `KeyholdError` alone. */
export type AwsCall = <Output>(
  action: string,
  region: string,
  send: (client: KMSClient, options: { abortSignal: AbortSignal }) => Promise<Output>,
  options?: KmsCallOptions,
) => Promise<Output>

export function createAwsCall({ endpoint, credentials }: AwsKmsOptions): {
  call: AwsCall
  close: () => void
} {
  const clients = new Map<string, KMSClient>()

  function clientIn(region: string): KMSClient {
    let client = clients.get(region)
    if (client === undefined) {
      client = new KMSClient({
        region,
        // Not from the environment: a shell that has sourced a customer's settings must not lead Keyhold astray.
        ...(endpoint === undefined ? { ignoreConfiguredEndpointUrls: true } : { endpoint }),
        ...(credentials !== undefined && { credentials }),
        maxAttempts,
        requestHandler: {
          connectionTimeout: connectTimeoutMs,
          requestTimeout: attemptTimeoutMs,
          throwOnRequestTimeout: true,
        },
      })
      clients.set(region, client)
    }
    return client
  }

  return {
    async call(action, region, send, options) {
      const timeout = AbortSignal.timeout(totalTimeoutMs)
      const abortSignal = options?.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal])
      try {
        return await send(clientIn(region), { abortSignal })
      } catch (error) {
        throw fromAwsError(error, action, region)
      }
    },
    close() {
      for (const client of clients.values()) client.destroy()
      clients.clear()
    },
  }
}
