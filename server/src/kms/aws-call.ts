// One call to AWS KMS: its region's client, its time-outs, its errors translated. The only place that talks to it.
import { KMSClient } from '@aws-sdk/client-kms'
import type { CustomerRole, KmsCallOptions } from '@keyhold/core'
import { fromAwsError } from './aws-kms-errors.ts'
import type { CustomerRoles } from './customer-role.ts'
import { createTurns, type Turns } from './turns.ts'

const connectTimeoutMs = 500
const attemptTimeoutMs = 1_000
const totalTimeoutMs = 3_000
const maxAttempts = 3
// In each region. After a restart every tenant's key is needed at once: fewer than the SDK's 50 sockets, since waiting
// for one of those counts against the time-outs above, and a KMS that is well would seem to be away.
const maxAtOnce = 40
const maxWaitMs = 10_000
// A client for each role and region; they share the connections of their region.
const maxRoleClients = 2_000

export interface AwsKmsOptions {
  /** Where AWS KMS is, for all regions; undefined: AWS itself. */
  endpoint: string | undefined
  /** Undefined: the SDK's standard chain (environment, profile, container, instance). */
  credentials: { accessKeyId: string; secretAccessKey: string } | undefined
}

export interface AwsCallOptions extends KmsCallOptions {
  /** Undefined: the call is made by Keyhold itself. */
  role?: CustomerRole
  /** For all attempts, once it is the call's turn. Default: 3,000. */
  timeoutMs?: number
  /** Runs when it is the call's turn; what it throws is the call's outcome, and nothing is sent. */
  beforeSend?: () => void
}

/**
 * Sends one command with its region's client, when it is its turn; throws `KeyholdError` alone, `ERR_KMS_TIMEOUT` also
 * when its turn does not come within ten seconds.
 */
export type AwsCall = <Output>(
  action: string,
  region: string,
  send: (client: KMSClient, options: { abortSignal: AbortSignal }) => Promise<Output>,
  options?: AwsCallOptions,
) => Promise<Output>

export function createAwsCall(
  { endpoint, credentials }: AwsKmsOptions,
  roles: Pick<CustomerRoles, 'assume'>,
): {
  call: AwsCall
  close: () => void
} {
  const regions = new Map<string, { client: KMSClient; inTurn: Turns }>()
  const roleClients = new Map<string, KMSClient>()

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

  function clientFor(region: string, ownClient: KMSClient, role: CustomerRole | undefined): KMSClient {
    if (role === undefined) return ownClient
    const name = JSON.stringify([region, role.arn, role.externalId])
    let client = roleClients.get(name)
    if (client === undefined) {
      const [oldest] = roleClients.keys()
      // Not destroyed: its connections are the region's.
      if (roleClients.size >= maxRoleClients && oldest !== undefined) roleClients.delete(oldest)
      client = new KMSClient({
        region,
        ...(endpoint === undefined ? { ignoreConfiguredEndpointUrls: true } : { endpoint }),
        credentials: () => roles.assume(role, region),
        maxAttempts,
        requestHandler: ownClient.config.requestHandler,
      })
      roleClients.set(name, client)
    }
    return client
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
          () => {
            options?.beforeSend?.()
            const abortSignal = within(options?.timeoutMs ?? totalTimeoutMs, options)
            return send(clientFor(region, client, options?.role), { abortSignal })
          },
          within(maxWaitMs, options),
        )
      } catch (error) {
        throw fromAwsError(error, action, region)
      }
    },
    close() {
      for (const { client } of regions.values()) client.destroy()
      regions.clear()
      roleClients.clear()
    },
  }
}
