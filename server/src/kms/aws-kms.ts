// AWS KMS behind core's Kms interface. Every call names the pinned key by its ARN, in its own region or where another
// one stands in, and accepts no answer from another key.
import {
  isKeyholdError,
  keyArnInRegion,
  KeyholdError,
  parseByokWrap,
  parseKeyArn,
  type AliasedKey,
  type CustomerRole,
  type ExamineKey,
  type KeyInspection,
  type Kms,
  type KnownRefusal,
  type TenantKeyRef,
} from '@keyhold/core'
import type { KeyObject } from 'node:crypto'
import { createSingleFlight } from '../event-loop/single-flight.ts'
import { createAskRegions, type AskRegionsOptions, type Target } from './ask-regions.ts'
import { createAwsCall, type AwsKmsOptions as AwsCallSettings } from './aws-call.ts'
import { createCustomerRoles, type CustomerRolesOptions } from './credentials/customer-role.ts'
import { examineAwsKey } from './examine-aws-key.ts'
import { inspectAwsKey, resolveAlias } from './inspect-aws-key.ts'
import { createOwnCredentials, type OwnCredentialsOptions } from './credentials/own-credentials.ts'
import { readKeyState, type SeenKeyState } from './metadata/read-key-state.ts'
import { blobIn, createAt, unwrapAt } from './tenant-key-calls.ts'
import { requireTunnels } from './proxied-agent.ts'

export interface AwsKmsOptions extends AwsCallSettings, Partial<Omit<AskRegionsOptions, 'confirmUsable'>> {
  /** Where AWS STS is; undefined: AWS itself. Default: where AWS KMS is. */
  stsEndpoint?: string | undefined
  /** Undefined: the SDK's standard chain. */
  credentials: OwnCredentialsOptions['fixed']
  /** The files that the chain reads. */
  credentialFiles?: readonly string[] | undefined
  /** Receives why Keyhold's own credentials could not be read. */
  onCredentialsError?: ((error: unknown) => void) | undefined
  /** Receives each region whose STS has refused, and the one that has answered for it. */
  onOtherStsRegion?: ((region: string, answering: string) => void) | undefined
  /** Makes identity tokens. Default: none is made. */
  issuer?: CustomerRolesOptions['issuer']
  /** Receives each sign-in with an identity token. */
  onSignIn?: CustomerRolesOptions['onSignIn']
}

/** The Kms of customers' keys, the other questions to AWS, and the end of the connections. */
export interface AwsKms extends Kms {
  /** Tests everything about a key. The calls do not count as traffic. */
  examineKey: ExamineKey
  /**
   * The key that an alias ARN names now.
   *
   * @throws KeyholdError `ERR_KMS_DENIED`, `ERR_KMS_…`
   */
  resolveAlias(aliasArn: string, tenantId: string, role: CustomerRole | undefined): Promise<AliasedKey>
  /**
   * Opens a stored tenant key in each of these regions, on connections of its own. The outcomes do not count as traffic.
   * The caller compares the key check value.
   */
  probeKey(
    keyArn: string,
    wrapped: Buffer,
    ref: TenantKeyRef,
    access: { role: CustomerRole | undefined; regions: readonly string[] },
  ): Promise<KeyProbe[]>
  /**
   * Reads the state of a key in each of these regions, on connections of its own. The outcomes do not count as traffic.
   */
  keyStates(
    keyArn: string,
    tenantId: string,
    access: { role: CustomerRole | undefined; regions: readonly string[] },
  ): Promise<{ region: string; state: SeenKeyState }[]>
  /**
   * A key in one region alone, on connections of its own, whatever is remembered of regions. The outcomes do not count
   * as traffic.
   *
   * @throws KeyholdError `ERR_KEY_SINGLE_REGION`
   */
  inRegion(keyArn: string, tenantId: string, region: string): Promise<RegionalKms>
  /** The ARN by which key policies name Keyhold, as AWS tells it. */
  ownPrincipal(region: string): Promise<string>
  close(): void
}

/** One region's answers about the tenant keys of one tenant under one key. */
export type RegionalKms = Pick<Kms, 'createTenantKey' | 'unwrapTenantKey'>

/** The answer of one region. */
export interface KeyProbe {
  region: string
  outcome: { key: KeyObject } | { error: KeyholdError }
}

const probeTimeoutMs = 2_000
export function createAwsKms(options: AwsKmsOptions): AwsKms {
  const { drRegions = new Map() } = options
  const findKeyAccess =
    options.findKeyAccess ?? (() => Promise.resolve({ role: undefined, replicaRegions: [] }))
  const { stsEndpoint } = 'stsEndpoint' in options ? options : { stsEndpoint: options.endpoint }
  if (options.proxyRules !== undefined) requireTunnels(options.proxyRules)
  const own = createOwnCredentials({
    fixed: options.credentials,
    files: options.credentialFiles,
    onError: options.onCredentialsError,
    proxyRules: options.proxyRules,
  })
  const roles = createCustomerRoles({
    stsEndpoint,
    own,
    onOtherRegion: options.onOtherStsRegion,
    proxyRules: options.proxyRules,
    issuer: options.issuer,
    onSignIn: options.onSignIn,
  })
  const { call, close } = createAwsCall(options, { own, roles }, 'traffic')
  const askRegions = createAskRegions({ ...options, drRegions, confirmUsable })
  // Tests have connections of their own: a key that hangs must not hold up the unwrapping of other tenants' keys.
  const inspections = createAwsCall(options, { own, roles }, 'tries')
  const flights = createSingleFlight<KeyInspection>()

  // Without an answer a state that DescribeKey told stays. Where another call told it, that call tells again. Where Keyhold
  // may not look at the key any more, only the use of it can tell.
  async function confirmUsable(
    { tenantId }: { tenantId: string },
    { keyArn, region, options: callOptions }: Target,
    { action }: KnownRefusal,
  ): Promise<void> {
    const state = await readKeyState(
      call,
      { keyArn, region },
      { tenantId, role: undefined, call: callOptions },
    )
    if (state.kind === 'refusal' || (state.kind === 'outage' && action === 'DescribeKey')) throw state.error
  }

  // Callers that ask for the same tenant and key share one inspection.
  function inspectOnce(keyArn: string, tenantId: string): Promise<KeyInspection> {
    return flights.share(`${tenantId}/${keyArn}`, async () => {
      const { role } = await findKeyAccess(keyArn, tenantId)
      return inspectAwsKey(inspections.call, keyArn, { tenantId, drRegions, role })
    })
  }

  return {
    createTenantKey: (keyArn, { tenantId }, options) =>
      askRegions({ keyArn, tenantId }, (target) => createAt(call, target, keyArn, tenantId), options),

    async unwrapTenantKey(keyArn, wrapped, { tenantId }, options) {
      const ciphertextBlob = blobIn(wrapped, keyArn)
      const unwrap = (target: Target) => unwrapAt(call, target, ciphertextBlob, tenantId)
      return askRegions({ keyArn, tenantId }, unwrap, options)
    },

    async inRegion(keyArn, tenantId, region) {
      const { role } = await findKeyAccess(keyArn, tenantId)
      const regional = keyArnInRegion(parseKeyArn(keyArn), region)
      if (regional === undefined) throw new KeyholdError('ERR_KEY_SINGLE_REGION')
      const callOptions = { timeoutMs: probeTimeoutMs, ...(role !== undefined && { role }) }
      const target = { keyArn: regional, region, options: callOptions }
      return {
        createTenantKey: (pinnedArn) => createAt(inspections.call, target, pinnedArn, tenantId),
        unwrapTenantKey: async (pinnedArn, wrapped) =>
          unwrapAt(inspections.call, target, blobIn(wrapped, pinnedArn), tenantId),
      }
    },

    async probeKey(keyArn, wrapped, { tenantId }, { role, regions }) {
      const { ciphertextBlob } = parseByokWrap(wrapped.toString('latin1'))
      const own = parseKeyArn(keyArn)
      const callOptions = { timeoutMs: probeTimeoutMs, ...(role !== undefined && { role }) }
      return Promise.all(
        Array.from(regions, async (region): Promise<KeyProbe> => {
          try {
            const target = { keyArn: keyArnInRegion(own, region) ?? keyArn, region, options: callOptions }
            return {
              region,
              outcome: { key: await unwrapAt(inspections.call, target, ciphertextBlob, tenantId) },
            }
          } catch (error) {
            if (!isKeyholdError(error)) throw error
            return { region, outcome: { error } }
          }
        }),
      )
    },

    async keyStates(keyArn, tenantId, { role, regions }) {
      const own = parseKeyArn(keyArn)
      return Promise.all(
        regions.map(async (region) => {
          const name = { keyArn: keyArnInRegion(own, region) ?? keyArn, region }
          const looking = { tenantId, role, call: { timeoutMs: probeTimeoutMs } }
          return { region, state: await readKeyState(inspections.call, name, looking) }
        }),
      )
    },

    inspectKey: (keyArn, tenantId) => inspectOnce(keyArn, tenantId),

    examineKey: (arn, tenantId, role, onCheck) =>
      examineAwsKey(inspections.call, arn, { tenantId, drRegions, role }, onCheck),

    resolveAlias: (aliasArn, tenantId, role) => resolveAlias(inspections.call, aliasArn, { tenantId, role }),

    ownPrincipal: (region) => roles.ownPrincipal(region),

    close() {
      close()
      inspections.close()
      roles.close()
    },
  }
}
