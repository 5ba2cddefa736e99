// kill -9 of the server at every failpoint of a migration: the next start completes it, and nothing is lost.
import { DisableKeyCommand } from '@aws-sdk/client-kms'
import { cp, mkdir } from 'node:fs/promises'
import path from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { failpointNames } from '../../src/migration/failpoint.ts'
import { keyholdAccount, startTestServer, type TestServer, type TestTenant } from '../start-test-server.ts'
import {
  decryptAll,
  encryptUnder,
  isCompleted,
  plaintextOf,
  registerKey,
  startMigration,
  waitForMigration,
} from './api.ts'
import { startChildServer } from './child-server.ts'
import { startQuietServer } from './start-quiet-server.ts'

// More than one chunk of the copy phase.
const keyNames = Array.from({ length: 1_100 }, (_, index) => `key-${index}`)

// The first of them are killed before anything is committed; what remains to be done then is to ask again.
const beforeAnything = new Set(['migration.start.before-insert', 'migration.start.before-commit'])
// Those of the way back are passed only after a cancellation.
const forward = failpointNames.filter((name) => !/^migration\.(cancel|abort)\./.test(name))

let fixture: TestServer
let tenant: TestTenant
let tokens: string[]
let sourceArn: string
let targetFingerprint: string
let connection: pg.ClientConfig
const completed: Record<string, string>[] = []
let databaseCount = 0
let cloning = Promise.resolve()

async function sql(text: string, database: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ ...connection, database })
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(text)
    return rows
  } finally {
    await client.end()
  }
}

// A template must have no connections; those of the fixture's own server come back after a moment.
async function copyDatabase(from: string, to: string): Promise<void> {
  for (let round = 0; ; round++) {
    await sql(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${from}'`, 'postgres')
    try {
      await sql(`create database ${to} template ${from}`, 'postgres')
      return
    } catch (error) {
      if (round === 20) throw error
    }
  }
}

/** A copy of the prepared database, and the settings of a server on it. */
async function cloneDatabase(): Promise<{ database: string; environment: Record<string, string> }> {
  const database = `clone_${databaseCount++}`
  cloning = cloning.then(() => copyDatabase('prepared', database))
  await cloning
  const dataDir = path.join(fixture.dataDir, database)
  await mkdir(dataDir, { mode: 0o700 })
  await cp(path.join(fixture.dataDir, 'root-key'), path.join(dataDir, 'root-key'))
  const { user, password, host } = connection
  const query = `host=${encodeURIComponent(String(host))}`
  return {
    database,
    environment: {
      KEYHOLD_DATA_DIR: dataDir,
      KEYHOLD_DATABASE_URL: `postgres://${String(user)}:${encodeURIComponent(String(password))}@/${database}?${query}`,
      KEYHOLD_KMS_ENDPOINT: fixture.kms.url,
      KEYHOLD_KMS_ACCESS_KEY_ID: keyholdAccount,
      KEYHOLD_KMS_SECRET_ACCESS_KEY: 'test',
      KEYHOLD_MIGRATION_LEASE_SECONDS: '2',
    },
  }
}

beforeAll(async () => {
  fixture = await startTestServer()
  tenant = await fixture.createTenant()
  sourceArn = await fixture.createCustomerKey([tenant.tenantId])
  const targetArn = await fixture.createCustomerKey([tenant.tenantId])
  tokens = [
    ...(await encryptUnder(fixture.url, tenant, keyNames.slice(0, 1_000))),
    ...(await encryptUnder(fixture.url, tenant, keyNames.slice(1_000))),
  ]
  const sourceFingerprint = await registerKey(fixture.url, tenant, sourceArn)
  targetFingerprint = await registerKey(fixture.url, tenant, targetArn)
  await startMigration(fixture.url, tenant, sourceFingerprint)
  await waitForMigration(fixture.url, tenant, isCompleted)

  connection = fixture.databaseConnection()
  await copyDatabase('keyhold', 'prepared')
}, 120_000)

afterAll(() => fixture.stop())

const plaintexts = keyNames.map(plaintextOf)

describe.concurrent(
  'a server killed at each failpoint of a migration is succeeded by one that completes it',
  () => {
    test.for(forward)('%s', async (name, { expect }) => {
      const { database, environment } = await cloneDatabase()
      const victim = await startChildServer({ ...environment, KEYHOLD_FAILPOINTS: `${name}=kill` })
      await startMigration(victim.url, tenant, targetFingerprint).catch(() => undefined)
      expect(await victim.ended).toBe('SIGKILL')

      const successor = await startQuietServer(environment)
      try {
        if (beforeAnything.has(name)) await startMigration(successor.url, tenant, targetFingerprint)
        // Readable from the first moment on, whatever phase the kill has left behind.
        expect(await decryptAll(successor.url, tenant, tokens)).toEqual(plaintexts)
        const details = await waitForMigration(successor.url, tenant, isCompleted)
        expect(details).toMatchObject({
          migratingToFingerPrint: targetFingerprint,
          cipherkeys: { failed: 0 },
        })
        expect(await decryptAll(successor.url, tenant, tokens)).toEqual(plaintexts)
        expect(await strayRows(database)).toEqual([{ count: '0' }])
        completed.push(environment)
      } finally {
        await successor.stop()
      }
    })
  },
)

test('with cold caches and the source key disabled, everything still decrypts after each of them', async () => {
  expect(completed).toHaveLength(forward.length)
  await fixture.customerKms().send(new DisableKeyCommand({ KeyId: sourceArn }))
  for (const environment of completed) {
    const cold = await startQuietServer(environment)
    try {
      expect(await decryptAll(cold.url, tenant, tokens)).toEqual(plaintexts)
    } finally {
      await cold.stop()
    }
  }
})

/** Cipherkeys that any other version than the active one wraps. */
function strayRows(database: string): Promise<Record<string, unknown>[]> {
  return sql(
    `select count(*) from keyhold.cipherkeys c join keyhold.tenants t on t.id = c.tenant_id
     where c.tenant_key_version <> t.active_tenant_key_version`,
    database,
  )
}
