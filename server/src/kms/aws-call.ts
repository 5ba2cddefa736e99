// Makes one call to AWS KMS, with its region's client and its time-outs, and translates its errors. Nothing else talks to
// AWS KMS.
import { KMSClient } from '@aws-sdk/client-kms'
import type { CustomerRole, ErrorCode, KeyholdError, KmsCallOptions, ProxyRules } from '@keyhold/core'
import { endpointFor } from './aws-endpoint.ts'
import { createClientsByRegion } from './clients-by-region.ts'
import type { CustomerRoles } from './credentials/customer-role.ts'
import { credentialsRefused } from './errors/aws-kms-errors.ts'
import { createKmsBudget, type KmsBudget, type KmsPriority } from './kms-budget.ts'
import { accountOf, ownAccount, requestsOf, type KmsCall } from './kms-call.ts'
import type { OwnCredentials } from './credentials/own-credentials.ts'
import { proxiedHandler } from './proxied-agent.ts'
import { rememberAttempts } from './remember-attempts.ts'
import { createRoleClients } from './credentials/role-clients.ts'
import { createTurns, type Turn, type Turns } from './turns.ts'

const connectTimeoutMs = 500
const attemptTimeoutMs = 1_000
const totalTimeoutMs = 3_000
const maxAttempts = 3
// In each region. After a restart every tenant's key is needed at once. The limit is below the SDK's 50 sockets: waiting
// for one of those counts against the time-outs above, and a healthy KMS would seem to be away.
const maxAtOnce = 40
const maxWaitMs = 10_000
const noProxy = { proxy: undefined, noProxy: undefined }
const noLimit = { requestsPerSecond: 0, tenantSharePercent: 100, decryptReservePercent: 0 }

export interface AwsKmsOptions {
  /** Where AWS KMS is, for all regions; undefined: AWS itself. */
  endpoint: string | undefined
  /** The proxy of calls to AWS. Default: none. */
  proxyRules?: ProxyRules | undefined
  /** Default: no limit. */
  budget?: KmsBudget | undefined
  /** How long a call may wait for the budget. Default: 5,000. */
  budgetWaitMs?: number | undefined
  /** Receives each call when it has ended, also calls that were never sent. */
  onCall?: ((call: KmsCall) => void) | undefined
  /** Receives each call that had to wait for its turn or for the budget, when the wait has ended. */
  onWaited?: ((turn: Turn, outcome: 'began' | 'refused' | 'gave-up', waitedMs: number) => void) | undefined
}

/** The call, and the tenant that it is for. The budget and the bill need both. */
export interface CallSubject {
  action: string
  region: string
  /** A key ARN, or the ARN of an alias. */
  keyArn: string
  tenantId: string
}

export interface AwsCallOptions extends KmsCallOptions {
  /** Undefined: the call is made by Keyhold itself. */
  role?: CustomerRole
  /** The time for all attempts, from the call's turn on. Default: 3,000. */
  timeoutMs?: number
  /** Runs when it is the call's turn. If it throws, the call fails with that error and nothing is sent. */
  beforeSend?: () => void
}

/**
 * Sends one command with its region's client, when it is its turn. It throws only `KeyholdError`: `ERR_KMS_TIMEOUT` also
 * when its turn does not come within ten seconds, `ERR_KMS_BUDGET` when it may not be sent.
 */
export type AwsCall = <Output extends { $metadata: { attempts?: number | undefined } }>(
  subject: CallSubject,
  send: (client: KMSClient, options: { abortSignal: AbortSignal }) => Promise<Output>,
  options?: AwsCallOptions,
) => Promise<Output>

/** @param purpose - tries of keys give way to traffic in the budget */
export function createAwsCall(
  {
    endpoint,
    budget = createKmsBudget(noLimit),
    budgetWaitMs,
    proxyRules = noProxy,
    onCall = () => undefined,
    onWaited,
  }: AwsKmsOptions,
  { own, roles }: { own: OwnCredentials; roles: Pick<CustomerRoles, 'assume' | 'forget' | 'explain'> },
  purpose: 'traffic' | 'tries',
): {
  call: AwsCall
  close: () => void
} {
  const regions = createClientsByRegion(openCalls, ({ client }) => {
    client.destroy()
  })
  const roleClients = createRoleClients(endpoint, roles)

  function openCalls(region: string): { client: KMSClient; inTurn: Turns } {
    const client = new KMSClient({
      region,
      ...endpointFor('kms', region, endpoint),
      credentials: own.provide,
      maxAttempts,
      requestHandler: {
        connectionTimeout: connectTimeoutMs,
        requestTimeout: attemptTimeoutMs,
        throwOnRequestTimeout: true,
        ...proxiedHandler(proxyRules),
      },
    })
    const inTurn = createTurns({
      maxAtOnce,
      admit: (turn) => budget.take({ ...turn, region }),
      ...(budgetWaitMs !== undefined && { budgetWaitMs }),
      ...(onWaited !== undefined && { onWaited }),
    })
    rememberAttempts(client)
    return { client, inTurn }
  }

  function within(timeoutMs: number, options: KmsCallOptions | undefined): AbortSignal {
    const timeout = AbortSignal.timeout(timeoutMs)
    return options?.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal])
  }

  function priorityOf(action: string): KmsPriority {
    if (purpose === 'tries') return 'try'
    return action === 'GenerateDataKey' ? 'generate' : 'decrypt'
  }

  return {
    async call(subject, send, options) {
      const { action, region, keyArn, tenantId } = subject
      const turn = { payer: payerOf(options?.role), tenantId, priority: priorityOf(action) }
      // Undefined: nothing was sent.
      let sentMs: number | undefined
      // Requests whose credentials AWS has refused. They may be sent once more with others.
      let refused = 0
      const ended = (outcome: 'ok' | ErrorCode, requests: number, details?: KeyholdError['details']) => {
        if (requests > 1) budget.charge({ ...turn, region }, requests - 1)
        const elapsedMs = sentMs === undefined ? undefined : performance.now() - sentMs
        const account = accountOf(keyArn)
        const facts = { action, region, tenantId, account, payer: turn.payer, outcome, requests, elapsedMs }
        onCall({ ...facts, ...(outcome === 'ERR_KMS_OWN_POLICY' && { ownRefusal: ownRefusalOf(details) }) })
      }
      try {
        const output = await regions.use(region, ({ client, inTurn }) =>
          inTurn(
            turn,
            () => {
              options?.beforeSend?.()
              const abortSignal = within(options?.timeoutMs ?? totalTimeoutMs, options)
              sentMs = performance.now()
              const attempt = async (withClient: KMSClient) => {
                try {
                  return await send(withClient, { abortSignal })
                } catch (error) {
                  if (credentialsRefused(error)) refused += requestsOf(error)
                  throw error
                }
              }
              return options?.role === undefined
                ? own.use(() => attempt(client))
                : roleClients.use(options.role, region, client, attempt)
            },
            within(maxWaitMs, options),
          ),
        )
        ended('ok', refused + requestsOf(output))
        return output
      } catch (thrown) {
        const error = await roles.explain(thrown, { action, region, role: options?.role })
        const last = sentMs === undefined || credentialsRefused(thrown) ? 0 : requestsOf(thrown)
        ended(error.code, refused + last, error.details)
        throw error
      }
    },
    close() {
      regions.closeAll()
      roleClients.clear()
    },
  }
}

function ownRefusalOf({ policy = '', action = '' }: KeyholdError['details'] = {}): KmsCall['ownRefusal'] {
  return { policy, action }
}

// Calls through a role count against the quota of the role's account, and are billed to that account.
function payerOf(role: CustomerRole | undefined): string {
  return role === undefined ? ownAccount : accountOf(role.arn)
}
