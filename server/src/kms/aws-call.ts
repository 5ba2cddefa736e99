// One call to AWS KMS: its region's client, its time-outs, its errors translated. The only place that talks to AWS.
import { KMSClient } from '@aws-sdk/client-kms'
import type { KmsCallOptions } from '@keyhold/core'
import { fromAwsError } from './aws-kms-errors.ts'
import { createTurns, type Turns } from './turns.ts'

const connectTimeoutMs = 500
const attemptTimeoutMs = 1_000
const totalTimeoutMs = 3_000
const maxAttempts = 3
// In each region. After a restart every tenant's key is needed at once: fewer than the SDK's 50 sockets, since waiting
// for one of those counts against the time-outs above, and a KMS that is well would seem to be away.
const maxAtOnce = 40
const maxWaitMs = 10_000

export interface AwsKmsOptions {
  /** Where AWS KMS is, for all regions; undefined: AWS itself. */
  endpoint: string | undefined
  /** Undefined: the SDK's standard chain (environment, profile, container, instance). */
  credentials: { accessKeyId: string; secretAccessKey: string } | undefined
}

/**
 * Sends one command with its region's client, when it is its turn; throws `KeyholdError` alone, `ERR_KMS_TIMEOUT` also
 * when its turn does not come within ten seconds.
 */
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
  const regions = new Map<string, { client: KMSClient; inTurn: Turns }>()

  function callsTo(region: string): { client: KMSClient; inTurn: Turns } {
    let calls = regions.get(region)
    if (calls === undefined) {
      const client = new KMSClient({
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
      calls = { client, inTurn: createTurns(maxAtOnce) }
      regions.set(region, calls)
    }
    return calls
  }

  function within(timeoutMs: number, options: KmsCallOptions | undefined): AbortSignal {
    const timeout = AbortSignal.timeout(timeoutMs)
    return options?.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal])
  }

  return {
    async call(action, region, send, options) {
      try {
        const { client, inTurn } = callsTo(region)
        return await inTurn(
          () => send(client, { abortSignal: within(totalTimeoutMs, options) }),
          within(maxWaitMs, options),
        )
      } catch (error) {
        throw fromAwsError(error, action, region)
      }
    },
    close() {
      for (const { client } of regions.values()) client.destroy()
      regions.clear()
    },
  }
}
