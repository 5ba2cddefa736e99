// The server on which causes are produced, and the keys of it: each cause has a tenant and a key of its own.
import { CreateKeyCommand, KMSClient, ReplicateKeyCommand } from '@aws-sdk/client-kms'
import { setTimeout } from 'node:timers/promises'
import { createKey, migrateTo, registerKey } from '../../http/scene.ts'
import { encryptUnder } from '../../../../testkit/src/http/api.ts'
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

export interface Key extends KeyName {
  arn: string
  tokens: string[]
}

export interface CauseScene {
  server: TestServer
  /** How far the clock of the KMS is ahead of ours. */
  kmsAheadMs: number
  /** A client of Keyhold's own account. */
  ourKms: (region: string) => KMSClient
  stop: () => Promise<void>
}

/** How the key of a cause is made; answers its ARN. */
export type MakeKey = (scene: CauseScene, tenant: TestTenant) => Promise<string>

export interface Cause {
  cause: string
  /** By default the key is the customer's, with a single region. */
  makeKey?: MakeKey
  state: string
  /** Does it, and answers what takes it back; undefined: it cannot be taken back. */
  produce: (scene: CauseScene, key: Key) => Promise<(() => unknown) | undefined>
}

export async function startCauseScene(): Promise<CauseScene> {
  const settings = {
    KEYHOLD_KEY_CACHE_TTL_SECONDS: '1',
    KEYHOLD_KEY_PROBE_SECONDS: '1',
    KEYHOLD_METRICS_PORT: '0',
  }
  const ourClients: KMSClient[] = []
  const server = await startTestServer(settings, {
    kmsNow: () => Date.now() + scene.kmsAheadMs,
    timings: {
      metricCounts: { minMs: 0, timesTook: 0 },
      probeRoundMs: 250,
      probeConfirmSeconds: 0.5,
      probeAfterTrafficSeconds: 0.5,
      healthWriteMs: 250,
      outagePauseMs: { first: 250, max: 500 },
    },
  })
  const scene: CauseScene = {
    server,
    kmsAheadMs: 0,
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

/** One after the other: it is not the preparation that is to be tried. */
export async function prepareAll<Each extends Cause>(
  scene: CauseScene,
  all: readonly Each[],
): Promise<(Each & { key: Key })[]> {
  const prepared: (Each & { key: Key })[] = []
  for (const each of all) prepared.push({ ...each, key: await prepare(scene, each.makeKey) })
  return prepared
}

async function prepare(
  scene: CauseScene,
  makeKey: MakeKey = ({ server }) => createKey(server),
): Promise<Key> {
  const { server } = scene
  const tenant = await server.createTenant()
  const { arn, fingerprint } = await registerKey(server, tenant, await makeKey(scene, tenant))
  await migrateTo(server, tenant, fingerprint)
  return { tenant, arn, fingerprint, tokens: await encryptUnder(server.url, tenant, ['one']) }
}

/** The customer's, in both regions. */
export const replicated: MakeKey = ({ server }, { tenantId }) => server.createCustomerKey([tenantId])

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

async function createIn(client: KMSClient, isReplicated: boolean, policy?: string): Promise<string> {
  const command = new CreateKeyCommand({ MultiRegion: isReplicated, Policy: policy })
  const { KeyMetadata: metadata } = await client.send(command)
  if (isReplicated) {
    const replica = { KeyId: metadata?.KeyId, ReplicaRegion: other, Policy: policy }
    await client.send(new ReplicateKeyCommand(replica))
    // A replica is "Creating" for a moment.
    await setTimeout(250)
  }
  return metadata?.Arn ?? ''
}
