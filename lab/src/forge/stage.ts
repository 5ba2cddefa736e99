// A small installation with something to gain from every steering table: a tenant under a key of its own, one under the
// internal KMS, one whose tenant key is of format 1, one that is locked, one whose migration waits, one whose migration was
// cancelled; an API key that was revoked, a destruction that was cancelled after its day had come, a minimum version that was
// raised, a signing key that was replaced twice. The attacker has a key of his own in the KMS, which Keyhold may use, and kept all
// rows from before the last changes.
import type { KMSClient } from '@aws-sdk/client-kms'
import { startLocalKms, type LocalKms } from '@keyhold/local-kms'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { startServer, type Server } from '../../../server/src/main.ts'
import { readSettings } from '../../../server/src/settings/read-settings.ts'
import { createKeyWith } from '../../../testkit/src/customer/create-customer-key.ts'
import { openCustomerKms } from '../../../testkit/src/customer/customer-kms.ts'
import { customerKeyPolicy } from '../../../testkit/src/customer/key-policy.ts'
import { changeSigned } from '../../../testkit/src/database/resign.ts'
import { openQueryPool, type QueryPool } from '../../../testkit/src/database/query-pool.ts'
import {
  databaseUrl,
  openTestPostgres,
  type TestConnection,
} from '../../../testkit/src/database/test-database.ts'
import { warmRootKey } from '../../../testkit/src/database/warm-start.ts'
import { call, encryptUnder, plaintextOf, registerKey } from '../../../testkit/src/http/api.ts'
import { migrations } from '../../../testkit/src/http/key-jobs.ts'
import { keyholdSettings } from '../../../testkit/src/process/keyhold-settings.ts'
import { makeDue } from '../../../testkit/src/server/make-due.ts'
import { quickTimings } from '../../../testkit/src/server/quick-timings.ts'
import { rotateSigningKey } from '../../../testkit/src/server/rotate-signing-key.ts'
import { smallKeyCache } from '../../../testkit/src/server/small-key-cache.ts'
import { createTenant, type Tenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import { startMigration } from '../../../testkit/src/tenants/start-migration.ts'
import { waitForMigration } from '../../../testkit/src/tenants/wait-for-migration.ts'
import { plantedSecret } from './attacks.ts'
import { keepRows } from './kept-rows.ts'
import { tenantOfFormat1 } from './known-gaps.ts'
import { watchCalls, type RegisteredCalls } from './registered-calls.ts'

/** A token, who asks for its value, and the value that the true state allows. */
export interface Reading {
  name: string
  apiKey: string
  token: string
  /** In base64. Undefined: nobody may read it. */
  plaintext: string | undefined
}

export interface Replica extends Server {
  /** How many faulty rows it has told of since it was asked the last time. */
  takeFaults(): number
}

export interface Stage {
  readonly kms: LocalKms
  readonly calls: RegisteredCalls
  readonly connection: TestConnection
  readonly query: QueryPool['query']
  readonly tenants: Readonly<Record<TenantName, Tenant>>
  readonly readings: readonly Reading[]
  readonly operatorToken: string
  /** The attacker's key. */
  readonly foreignArn: string
  /** The token of an API key that the attacker plants under this id. */
  plantedToken: string
  /** Holds keys for an hour. */
  warm: Replica
  /** Holds no key, and asks for each request. */
  cold: Replica
  /**
   * A replica that starts anew.
   *
   * @param hasState - whether it has the state folder of a replica that knew the true state; else it knows nothing from before
   */
  startFresh(hasState: boolean): Promise<Replica>
  /** Starts both anew, as after a change of rows that they have seen. */
  restart(whileStopped: () => Promise<void>): Promise<void>
  close(): Promise<void>
}

const tenantNames = ['byok', 'internal', tenantOfFormat1, 'closed', 'moving', 'stopped'] as const
export type TenantName = (typeof tenantNames)[number]

// Nothing happens by itself: the experiment has it done when it looks.
const never = 3_600_000
const timings = { ...quickTimings, sweepMs: never, probeRoundMs: never }

/** Each tenant has data keys of these names. */
export const keyNames = ['pay', 'chat', 'old']
/** Of an API key that the attacker makes up. */
export const plantedKeyId = 'plantedplantedpl'

export async function openStage(): Promise<Stage> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-forge-'))
  const calls = watchCalls()
  const kms = await startLocalKms({ onAnswer: calls.onAnswer })
  const postgres = await openTestPostgres()
  const connection = await postgres.createStartedDatabase()
  const pool = openQueryPool(connection)
  const query: QueryPool['query'] = (statement, values) => pool.query(statement, values)
  const customer = openCustomerKms(kms.url)

  const settingsOf = (dataDir: string, ttlSeconds: number) =>
    readSettings({
      ...keyholdSettings({ dataDir, kmsUrl: kms.url }),
      ...smallKeyCache,
      KEYHOLD_DATABASE_URL: databaseUrl(connection),
      KEYHOLD_DATABASE_CONNECTIONS: '5',
      KEYHOLD_KEY_CACHE_TTL_SECONDS: String(ttlSeconds),
    })
  const rotateSigning = () => rotateSigningKey(settingsOf(path.join(folder, 'warm'), 0))

  const trueState = path.join(folder, 'state')
  let hasTrueState = false

  async function start(name: string, ttlSeconds: number, hasState = false): Promise<Replica> {
    const dataDir = path.join(folder, name)
    await rm(dataDir, { recursive: true, force: true })
    await mkdir(dataDir, { mode: 0o700 })
    await cp(warmRootKey(), path.join(dataDir, 'root-key'))
    if (hasState) await cp(trueState, path.join(dataDir, 'state'), { recursive: true })
    const settings = settingsOf(dataDir, ttlSeconds)
    let faults = 0
    const logger = pino(
      { level: 'warn' },
      {
        write(line: string) {
          if (line.includes('is not as Keyhold wrote it')) faults++
        },
      },
    )
    const server = await startServer(settings, logger, undefined, timings)
    return Object.assign(server, {
      takeFaults() {
        const taken = faults
        faults = 0
        return taken
      },
    })
  }

  let warm = await start('warm', 3_600)
  const operatorToken = await warm.createOperatorKey('forge')
  const scene = await playScene({
    server: warm,
    operatorToken,
    customer,
    query,
    connection,
    folder,
    rotateSigning,
  })
  calls.allow(scene.arns)
  let cold = await start('cold', 0)

  return {
    ...{ kms, calls, connection, query, operatorToken },
    ...{ tenants: scene.tenants, readings: scene.readings, foreignArn: scene.foreignArn },
    plantedToken: scene.plantedToken,
    get warm() {
      return warm
    },
    get cold() {
      return cold
    },
    startFresh: (hasState) => start('fresh', 3_600, hasState),
    async restart(whileStopped) {
      await Promise.all([warm.stop(), cold.stop()])
      // The first time, before any attack: this replica has made all of the changes.
      if (!hasTrueState) await cp(path.join(folder, 'warm', 'state'), trueState, { recursive: true })
      hasTrueState = true
      await whileStopped()
      warm = await start('warm', 3_600)
      cold = await start('cold', 0)
    },
    async close() {
      await Promise.all([warm.stop(), cold.stop()])
      customer.destroy()
      await pool.close()
      await postgres.stop()
      await kms.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface SceneParts {
  server: Server
  operatorToken: string
  customer: KMSClient
  query: QueryPool['query']
  connection: TestConnection
  folder: string
  rotateSigning: () => Promise<unknown>
}

/** Plays the history of the installation, and keeps its rows twice: before the last changes, and after them. */
async function playScene({
  server,
  operatorToken,
  customer,
  query,
  connection,
  folder,
  rotateSigning,
}: SceneParts) {
  const { url } = server
  const post = async (token: string, route: string, body?: unknown) => {
    const answer = await call(url, token, 'POST', route, body)
    if (answer.status >= 300)
      throw new Error(`${route}: ${String(answer.status)} ${JSON.stringify(answer.body)}`)
    return answer.body as Record<string, unknown>
  }
  const tenants = {} as Record<TenantName, Tenant>
  for (const name of tenantNames) tenants[name] = await createTenant(url, operatorToken, name)
  await changeSigned(
    connection,
    `update keyhold.tenant_keys set format = null where tenant_id = '${tenantOfFormat1}'`,
  )
  const { byok, internal, closed, moving, stopped } = tenants
  const newKey = async (ids?: string[]) =>
    (await createKeyWith(customer, { MultiRegion: true, Policy: customerKeyPolicy(ids) })).keyArn
  const arns = await Promise.all([
    newKey(['byok']),
    newKey(['byok']),
    newKey(['moving']),
    newKey(['stopped']),
  ])
  const [own, second, ofMoving, ofStopped] = arns
  const foreignArn = await newKey()

  const tokens = {} as Record<TenantName, string[]>
  for (const name of tenantNames) tokens[name] = await encryptUnder(url, tenants[name], keyNames)
  const rotate = (keyName: string) =>
    post(byok.adminToken, `/api/v1/encryption/data-keys/${keyName}/actions/rotate`)
  const setMinimum = (minimumVersion: number) =>
    post(byok.adminToken, '/api/v1/encryption/data-keys/chat/actions/set-minimum-version', { minimumVersion })
  const [firstChat = ''] = await encryptUnder(url, byok, ['chat'])
  await rotate('chat')
  const [secondChat = ''] = await encryptUnder(url, byok, ['chat'])
  await rotate('chat')
  const [thirdChat = ''] = await encryptUnder(url, byok, ['chat'])
  await setMinimum(2)

  const operator = openClient(url, operatorToken)
  const revoked = (await operator.call('createApiKey', { body: { role: 'service', tenantId: 'internal' } }))
    .body

  // Done twice it is the repair.
  const damage = ({ tenantId }: Tenant) =>
    query(
      `update keyhold.cipherkeys set wrapped = set_byte(wrapped, 60, get_byte(wrapped, 60) # 1)
        where tenant_id = $1 and key_name = 'old'`,
      [tenantId],
    )
  // Their migrations wait, since one cipherkey does not open.
  for (const [tenant, arn] of [
    [moving, ofMoving],
    [stopped, ofStopped],
  ] as const) {
    const fingerprint = await registerKey(url, tenant, arn)
    await damage(tenant)
    await startMigration(url, tenant, fingerprint)
  }
  const job = async (tenant: Tenant) => {
    const [row] = await query('select id, last_error from keyhold.key_jobs where tenant_id = $1', [
      tenant.tenantId,
    ])
    return row as { id: string; last_error: unknown }
  }
  for (const tenant of [moving, stopped])
    for (let round = 0; (await job(tenant)).last_error === null; round++) {
      if (round > 600) throw new Error('the migration does not wait')
      await server.sweep()
      await new Promise((resolve) => setTimeout(resolve, 50))
    }

  const fingerprint = await registerKey(url, byok, own)
  const destroyOf = (tenant: Tenant, keyName: string) =>
    post(tenant.adminToken, `/api/v1/encryption/data-keys/${keyName}/actions/destroy`, { inDays: 7 })
  const { id: cancelled } = await destroyOf(byok, 'old')
  await makeDue(
    { dataDir: path.join(folder, 'warm'), databaseConnection: () => connection },
    String(cancelled),
    -60_000,
  )
  await rotateSigning()
  await keepRows(query, 'older')

  await post(byok.adminToken, `/api/v1/encryption/destructions/${String(cancelled)}/actions/cancel`)
  await destroyOf(internal, 'old')
  await setMinimum(3)
  await rotateSigning()
  await operator.call('deleteApiKey', { params: { apiKeyId: revoked.id } })
  await post(closed.adminToken, '/api/v1/encryption/actions/lock')
  await damage(stopped)
  await post(stopped.adminToken, `${migrations}/${(await job(stopped)).id}/actions/cancel`)
  for (let round = 0; ; round++) {
    const [row] = await query(`select phase from keyhold.key_jobs where tenant_id = 'stopped'`)
    if (row?.phase === 'aborted') break
    if (round > 600) throw new Error(`the cancelled migration stays ${String(row?.phase)}`)
    await server.sweep()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await startMigration(url, byok, fingerprint)
  await waitForMigration(url, byok)
  await registerKey(url, byok, second)
  // Heads that are signed are known in the state folder, too.
  const heads = [
    [operatorToken, '/api/v1/audits/head'],
    ...tenantNames.map((name) => [tenants[name].adminToken, '/api/v1/encryption/audits/head']),
  ]
  for (const [token = '', route = ''] of heads) {
    const { status } = await call(url, token, 'GET', route)
    if (status !== 200) throw new Error(`${route}: ${String(status)}`)
  }
  // Two rows that say the same would hide that one of them is believed too much.
  await query('delete from keyhold.tenant_locks')
  await keepRows(query, 'base')

  const reading = (name: string, apiKey: string, token: string | undefined, plaintext?: string): Reading => ({
    ...{ name, apiKey, token: token ?? '', plaintext },
  })
  const plantedToken = `kh_${plantedKeyId}_${plantedSecret}`
  return {
    ...{ tenants, arns, foreignArn, plantedToken },
    readings: [
      reading('own value of byok', byok.serviceToken, tokens.byok[0], plaintextOf('pay')),
      reading('newest value of byok', byok.serviceToken, thirdChat, plaintextOf('chat')),
      reading('own value of internal', internal.serviceToken, tokens.internal[0], plaintextOf('pay')),
      reading('own value of early', tenants.early.serviceToken, tokens.early[0], plaintextOf('pay')),
      reading('own value of moving', moving.serviceToken, tokens.moving[0], plaintextOf('pay')),
      reading('own value of stopped', stopped.serviceToken, tokens.stopped[0], plaintextOf('pay')),
      reading('value below the minimum version', byok.serviceToken, secondChat),
      reading('value far below the minimum version', byok.serviceToken, firstChat),
      reading('value of the locked tenant', closed.serviceToken, tokens.closed[0]),
      reading('value of another tenant', internal.serviceToken, tokens.byok[0]),
      reading('value with the revoked API key', revoked.key, tokens.internal[0]),
      reading('value with a planted API key', plantedToken, tokens.internal[0]),
    ],
  }
}
