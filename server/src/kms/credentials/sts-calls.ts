// Asks AWS STS as Keyhold itself: in the region of the key, and where STS there refuses for a reason of the region, in another
// one. Regions that accounts must opt in to do not know accounts that have not, and an account may switch STS off in a region.
import { STSClient } from '@aws-sdk/client-sts'
import { KeyholdError, partitionOf, type AwsPartition, type ProxyRules } from '@keyhold/core'
import { endpointFor } from '../aws-endpoint.ts'
import { fromAwsError } from '../errors/aws-kms-errors.ts'
import { createClientsByRegion } from '../clients-by-region.ts'
import { proxiedHandler } from '../proxied-agent.ts'
import type { OwnCredentials } from './own-credentials.ts'

const connectTimeoutMs = 500
const attemptTimeoutMs = 1_000
const totalTimeoutMs = 1_500
// How long STS of a region is passed over that has refused.
const rememberMs = 600_000
// How long no other region is asked after none has answered.
const aloneMs = 10_000

// Regions that every account of the partition has. The SDK asks their regional endpoints, whose sessions hold in all regions;
// those of the old global endpoint do not hold in regions that must be opted in to.
const everywhere: Readonly<Partial<Record<AwsPartition, readonly string[]>>> = {
  aws: ['us-east-1', 'eu-west-1'],
  'aws-cn': ['cn-north-1', 'cn-northwest-1'],
  'aws-us-gov': ['us-gov-west-1', 'us-gov-east-1'],
  'aws-eusc': ['eusc-de-east-1'],
}

const regionNames = new Set([
  'RegionDisabledException',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'OptInRequired',
])

export interface StsOptions {
  /** Where AWS STS is, for all regions; undefined: AWS itself. */
  stsEndpoint: string | undefined
  own: OwnCredentials
  /** The proxy of calls to AWS. Default: none. */
  proxyRules?: ProxyRules | undefined
  /** Receives each region whose STS has refused, and the one that has answered for it. */
  onOtherRegion?: ((region: string, answering: string) => void) | undefined
  /** Monotonic milliseconds. */
  clock?: (() => number) | undefined
}

type SendToSts<Output> = (client: STSClient, options: { abortSignal: AbortSignal }) => Promise<Output>

export interface StsCalls {
  /** @throws KeyholdError `ERR_KMS_DENIED`, `ERR_KMS_CREDENTIALS` with what the operator can do, `ERR_KMS_…` */
  ask<Output>(
    action: string,
    region: string,
    send: SendToSts<Output>,
    /** Default: `fromAwsError`. */
    translate?: (error: unknown) => Promise<KeyholdError>,
    /** Default: signed. Where a call is not, Keyhold's own credentials have no part in what becomes of it. */
    how?: { isSigned: boolean },
  ): Promise<Output>
  close(): void
}

export function createStsCalls({
  stsEndpoint,
  own,
  onOtherRegion = () => undefined,
  proxyRules,
  clock = () => performance.now(),
}: StsOptions): StsCalls {
  const clients = createClientsByRegion(openClient, (client) => {
    client.destroy()
  })
  const instead = new Map<string, { region: string; untilMs: number }>()
  const refusedEverywhere = new WeakSet()
  // The regions that stand in are those of the partition.
  const aloneUntilMs = new Map<AwsPartition | undefined, number>()

  function openClient(region: string): STSClient {
    return new STSClient({
      region,
      ...endpointFor('sts', region, stsEndpoint),
      credentials: own.provide,
      maxAttempts: 2,
      requestHandler: {
        connectionTimeout: connectTimeoutMs,
        requestTimeout: attemptTimeoutMs,
        throwOnRequestTimeout: true,
        ...(proxyRules !== undefined && proxiedHandler(proxyRules)),
      },
    })
  }

  function orderFor(region: string): string[] {
    const known = instead.get(region)
    const first = known !== undefined && known.untilMs > clock() ? [known.region] : []
    const partition = partitionOf(region)
    const others = (partition && everywhere[partition]) ?? []
    const isAlone = clock() < (aloneUntilMs.get(partition) ?? 0)
    return [...new Set([...first, region, ...(isAlone ? [] : others)])]
  }

  /** Throws the error of the region itself where no other one answers. */
  async function askInOrder<Output>(region: string, send: SendToSts<Output>): Promise<Output> {
    const refusals: unknown[] = []
    const order = orderFor(region)
    for (const at of order) {
      try {
        const abortSignal = AbortSignal.timeout(totalTimeoutMs)
        const answer = await clients.use(at, (client) => send(client, { abortSignal }))
        if (at !== region) standsIn(region, at)
        return answer
      } catch (error) {
        // A customer's answer is the same everywhere.
        if (isOfRegion(error)) refusals.push(error)
        else if (at === region || (error instanceof Error && error.name === 'AccessDenied')) throw error
      }
    }
    const [refusal] = refusals
    if (refusals.length === order.length && order.length > 1 && refusal instanceof Error)
      refusedEverywhere.add(refusal)
    aloneUntilMs.set(partitionOf(region), clock() + aloneMs)
    throw refusal
  }

  function standsIn(region: string, answering: string): void {
    if (instead.get(region)?.region !== answering) onOtherRegion(region, answering)
    instead.set(region, { region: answering, untilMs: clock() + rememberMs })
  }

  return {
    async ask(action, region, send, translate, { isSigned } = { isSigned: true }) {
      try {
        const asked = () => askInOrder(region, send)
        return await (isSigned ? own.use(asked) : asked())
      } catch (error) {
        const translated = (await translate?.(error)) ?? fromAwsError(error, action, region)
        const isEverywhere = error instanceof Error && refusedEverywhere.has(error)
        const message =
          (isEverywhere ? undefined : regionMessage(error, region)) ??
          (stsEndpoint !== undefined && isNoSts(error, translated) ? noStsMessage : undefined)
        if (message === undefined) throw translated
        throw new KeyholdError('ERR_KMS_CREDENTIALS', { message, cause: error, details: { action, region } })
      }
    },
    close() {
      clients.closeAll()
    },
  }
}

const noStsMessage =
  'What answers where Keyhold looks for AWS STS is not AWS STS. Set KEYHOLD_STS_ENDPOINT to "aws", or to the endpoint of an STS: without it, KEYHOLD_KMS_ENDPOINT is asked.'

function isOfRegion(error: unknown): error is Error {
  return error instanceof Error && regionNames.has(error.name)
}

function regionMessage(error: unknown, region: string): string | undefined {
  if (!isOfRegion(error)) return undefined
  const [account] = /\b\d{12}\b/.exec(error.message) ?? []
  return error.name === 'RegionDisabledException'
    ? `AWS STS is switched off in ${region} for account ${account ?? 'of the role'}, and no other region answered: activate STS for ${region} in the settings of that account.`
    : `AWS STS in ${region} does not accept Keyhold's credentials, and no other region answered. If ${region} is one that accounts must opt in to, enable it in Keyhold's account.`
}

/** An answer that AWS STS does not give: an unknown operation, a page, a form that is not its own. */
function isNoSts(error: unknown, translated: KeyholdError): boolean {
  if (translated.code !== 'ERR_KMS_FAILED' || !(error instanceof Error)) return false
  const { httpStatusCode: status = 0 } =
    '$metadata' in error ? (error.$metadata as { httpStatusCode?: number }) : {}
  return status !== 0 && status < 500
}
