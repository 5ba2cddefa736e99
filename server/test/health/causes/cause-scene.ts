// The server on which causes are produced, and the keys of it: each cause has a tenant and a key of its own.
import { CreateKeyCommand, KMSClient, ReplicateKeyCommand } from '@aws-sdk/client-kms'
import { setTimeout } from 'node:timers/promises'
import { textAt } from '../../http/read-body.ts'
import { createKey, migrateTo, providers } from '../../http/scene.ts'
import type { ExternalKey } from '../../../../testkit/src/customer/external-key.ts'
import { encryptUnder } from '../../../../testkit/src/http/api.ts'
import { createOwnDenials, type OwnDenials } from './own-denials.ts'
import {
  customerKeyPolicy,
  keyholdAccount,
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'

/** The region of most keys, and the one of their replicas. */
export const own = 'eu-west-1'
export const other = 'eu-west-3'

export interface KeyName {
  tenant: TestTenant
  fingerprint: string
}

export interface Key extends KeyName, MadeKey {
  tokens: string[]
}

export interface CauseScene {
  server: TestServer
  /** How far the clock of the KMS is ahead of ours. */
  kmsAheadMs: number
  /** The denials by policies over Keyhold's own principal, all keys together. */
  ownDenials: OwnDenials
  /** A client of Keyhold's own account. */
  ourKms: (region: string) => KMSClient
  stop: () => Promise<void>
}

/** A key as it is made for a tenant, with what its customer can do to it in the ways that only its kind has. */
export interface MadeKey {
  arn: string
  /** The role through which Keyhold is to reach it. */
  roleArn?: string
  /** Takes its imported material away, in its own region or in the other one; answers what imports it again. */
  loseMaterial?: () => Promise<() => unknown>
  loseMaterialOfReplica?: () => Promise<() => unknown>
  /** Its external key store. */
  store?: ExternalKey
}

/** How the key of a cause is made. */
export type MakeKey = (scene: CauseScene, tenant: TestTenant) => Promise<MadeKey>

export interface Cause {
  cause: string
  /** By default the key is the customer's, with a single region. */
  makeKey?: MakeKey
  state: string
  /** Does it, and answers what takes it back; undefined: it cannot be taken back. */
  produce: (scene: CauseScene, key: Key) => Promise<(() => unknown) | undefined>
}

export const causeTimings = {
  metricCounts: { minMs: 0, timesTook: 0 },
  probeRoundMs: 250,
  probeConfirmSeconds: 0.5,
  probeAfterTrafficSeconds: 0.5,
  healthWriteMs: 250,
  outagePauseMs: { first: 250, max: 500 },
}

/** A cause in the key's own region, which requests meet. */
export interface OwnCause extends Cause {
  /** How somebody does it to a key in local-kms. */
  how: string
  /** Another cause that it resembles, and must not be taken for, with the reason. */
  notFor: string
  /** The status, and the code unless it is 200. */
  answer: string
}

/** @param ttlSeconds - how long it holds keys */
export async function startCauseScene(ttlSeconds = 1): Promise<CauseScene> {
  const settings = {
    KEYHOLD_KEY_CACHE_TTL_SECONDS: String(ttlSeconds),
    KEYHOLD_KEY_PROBE_SECONDS: '1',
    KEYHOLD_METRICS_PORT: '0',
  }
  const ourClients: KMSClient[] = []
  const server = await startTestServer(settings, {
    kmsNow: () => Date.now() + scene.kmsAheadMs,
    timings: causeTimings,
  })
  const scene: CauseScene = {
    server,
    kmsAheadMs: 0,
    ownDenials: createOwnDenials(server.kms),
    ourKms: (region) => {
      const credentials = { accessKeyId: keyholdAccount, secretAccessKey: 'test' }
      const client = new KMSClient({ region, endpoint: server.kms.url, credentials })
      ourClients.push(client)
      return client
    },
    stop: async () => {
      for (const client of ourClients) client.destroy()
      await server.stop()
    },
  }
  return scene
}

// It is not the preparation that is to be tried.
const preparedAtOnce = 4

/** A tenant and a key for each, a few at a time. */
export async function prepareAll<Each extends Pick<Cause, 'makeKey'>>(
  scene: CauseScene,
  all: readonly Each[],
): Promise<(Each & { key: Key })[]> {
  const prepared: (Each & { key: Key })[] = []
  for (let from = 0; from < all.length; from += preparedAtOnce) {
    const some = all.slice(from, from + preparedAtOnce).map(async (each) => {
      return { ...each, key: await prepare(scene, each.makeKey) }
    })
    prepared.push(...(await Promise.all(some)))
  }
  return prepared
}

export async function prepare(
  scene: CauseScene,
  makeKey: MakeKey = async ({ server }) => ({ arn: await createKey(server) }),
): Promise<Key> {
  const { server } = scene
  const tenant = await server.createTenant()
  const made = await makeKey(scene, tenant)
  const body = { name: 'a key', arn: made.arn, ...(made.roleArn !== undefined && { roleArn: made.roleArn }) }
  const registered = await server.request('POST', providers, { token: tenant.adminToken, body })
  const fingerprint = textAt(registered.body, 'arnFingerPrint')
  await migrateTo(server, tenant, fingerprint)
  return { ...made, tenant, fingerprint, tokens: await encryptUnder(server.url, tenant, ['one']) }
}

/** The customer's, in both regions. */
export const replicated: MakeKey = async ({ server }, { tenantId }) => ({
  arn: await server.createCustomerKey([tenantId]),
})

/** The customer's, elsewhere than the others. */
export const inRegion =
  (region: string, isReplicated: boolean): MakeKey =>
  ({ server }) =>
    createIn(server.customerKms(region), isReplicated, customerKeyPolicy())

/** A key in Keyhold's own account, which AWS tells more. */
export const ofOurs =
  (isReplicated: boolean): MakeKey =>
  ({ ourKms }) =>
    createIn(ourKms(own), isReplicated)

async function createIn(client: KMSClient, isReplicated: boolean, policy?: string): Promise<MadeKey> {
  const command = new CreateKeyCommand({ MultiRegion: isReplicated, Policy: policy })
  const { KeyMetadata: metadata } = await client.send(command)
  if (isReplicated) await replicate(client, metadata?.KeyId, policy)
  return { arn: metadata?.Arn ?? '' }
}

/** Makes a replica in the other region. */
export async function replicate(client: KMSClient, id: string | undefined, policy?: string): Promise<void> {
  await client.send(new ReplicateKeyCommand({ KeyId: id, ReplicaRegion: other, Policy: policy }))
  // A replica is "Creating" for a moment.
  await setTimeout(250)
}
