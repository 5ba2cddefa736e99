// The gaps of docs/threat-model.md, one after the other: what somebody who writes to the database can do all the same, and what he
// cannot do by it. Each test first shows the gap as it is: where one is closed one day, its test fails, and the page is to be
// changed with it. ("Exchanged names" has tests where names are bound.)
import { DisableKeyCommand } from '@aws-sdk/client-kms'
import { auditHash } from '@keyhold/core'
import { createHash, randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openQueryPool, type QueryPool } from '../../../testkit/src/database/query-pool.ts'
import { stripMacs } from '../../../testkit/src/database/strip-macs.ts'
import { databaseUrl } from '../../../testkit/src/database/test-database.ts'
import { call, decryptAll, encryptUnder, plaintextOf } from '../../../testkit/src/http/api.ts'
import { putForm1 } from '../../../testkit/src/server/root-key-form1.ts'
import { startSecondReplica } from '../../../testkit/src/server/start-second-replica.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { migrateTo } from '../../../testkit/src/tenants/migrate-to.ts'
import type { Server } from '../../src/main.ts'
import { adoptIntegrity } from '../../src/wiring/commands/adoption/adopt-integrity.ts'
import { findFaults } from '../../src/wiring/commands/examine-integrity.ts'

/** A replica that has seen everything since the beginning. */
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(
    { KEYHOLD_KEY_CACHE_TTL_SECONDS: '0', KEYHOLD_KEY_PROBE_SECONDS: '1' },
    { timings: { heartbeatMs: 20 } },
  )
})
afterAll(() => server.stop())

const encryption = '/api/v1/encryption'
const lock = ({ adminToken }: TestTenant) =>
  call(server.url, adminToken, 'POST', `${encryption}/actions/lock`)

/** The plaintext of a token of the key name "pay", or why there is none. */
async function read({ url }: { url: string }, tenant: TestTenant, token: string): Promise<string> {
  const [found = ''] = await decryptAll(url, tenant, [token]).catch((error: unknown) => [
    /ERR_\w+/.exec(String(error))?.[0] ?? String(error),
  ])
  return found === plaintextOf('pay') ? 'the value' : found
}

/** A replica that starts now, and holds nothing from before: neither in memory nor in its state folder. */
async function startFresh(databaseOf?: string): Promise<Server> {
  await rm(path.join(server.dataDir, 'second'), { recursive: true, force: true })
  return startSecondReplica(server, {
    KEYHOLD_KEY_CACHE_TTL_SECONDS: '0',
    ...(databaseOf !== undefined && { KEYHOLD_DATABASE_URL: databaseOf }),
  })
}

async function onFresh<Result>(use: (replica: Server) => Promise<Result>): Promise<Result> {
  const replica = await startFresh()
  try {
    return await use(replica)
  } finally {
    await replica.stop()
  }
}

// All that an owner of the tables is kept from is a trigger.
const asOwner = 'set local session_replication_role = replica;'
const tablesOfTenant = [
  ...['tenants id', 'tenant_guards tenant_id', 'tenant_keys tenant_id', 'key_providers tenant_id'],
  ...['cipherkeys tenant_id', 'key_health tenant_id', 'tenant_locks tenant_id', 'api_keys tenant_id'],
  ...['audits chain', 'audit_heads chain', 'audit_checkpoints chain'],
].map((each) => each.split(' ') as [string, string])

/** The rows of a tenant, anchors included, as they are now; the statement puts them back. */
async function keepSlice({ tenantId }: TestTenant, name: string): Promise<() => Promise<unknown>> {
  await server.query(`create schema ${name}`)
  for (const [table, column] of tablesOfTenant)
    await server.query(
      `create table ${name}.${table} as select * from keyhold.${table} where ${column} = '${tenantId}'`,
    )
  const statements = tablesOfTenant.map(
    ([table, column]) => `delete from keyhold.${table} where ${column} = '${tenantId}';
      insert into keyhold.${table} select * from ${name}.${table};`,
  )
  return () => server.query(`begin; ${asOwner} ${statements.join('\n')} commit`)
}

/** Appends the record of an API key to the installation's chain, with the right hash. */
async function plantRecord(apiKeyId: string): Promise<void> {
  const [head] = await server.query(`select sequence::int, hash from keyhold.audit_heads where chain = ''`)
  const record = {
    ...{ tenantId: undefined, sequence: Number(head?.sequence) + 1, id: randomUUID(), at: new Date() },
    ...{ actorId: 'command', actorRole: undefined, traceId: undefined, details: {} },
    ...{ action: 'apikey.create', targetKind: 'api-key', targetId: apiKeyId },
  }
  const hash = auditHash(head?.hash as Buffer, record)
  await server.query(
    `insert into keyhold.audits (chain, sequence, id, at, actor_id, action, target_kind, target_id, details, hash)
      values ('', $1, $2, $3, 'command', $4, $5, $6, '{}', $7)`,
    [record.sequence, record.id, record.at, record.action, record.targetKind, apiKeyId, hash],
  )
  await server.query(`update keyhold.audit_heads set sequence = $1, hash = $2 where chain = ''`, [
    record.sequence,
    hash,
  ])
}

test('planted before: a row that was there before the adoption is believed, and was shown; none that comes later is', async () => {
  const plant = async (id: string) => {
    const secret = 'A'.repeat(43)
    await server.query(
      `insert into keyhold.api_keys (id, secret_hash, role, tenant_id, name, created_at)
        values ($1, $2, 'operator', null, 'planted', now())`,
      [id, createHash('sha256').update(secret).digest()],
    )
    return `kh_${id}_${secret}`
  }
  const asks = async (token: string) => (await call(server.url, token, 'GET', '/api/v1/tenants')).status

  // An installation from before MACs.
  await putForm1(server.dataDir)
  await server.restart()
  await stripMacs((statement) => server.query(statement))
  await server.restart()
  const planted = await plant('plantedbeforeplb')
  const shown: string[] = []
  const adopt = () =>
    adoptIntegrity(server.settings, {
      tell: (line) => shown.push(line),
      say: () => undefined,
      confirm: () => Promise.resolve(true),
      output: undefined,
    })
  // A row alone contradicts the trail; so whoever plants it writes the record of it, too.
  await expect(adopt()).rejects.toMatchObject({ code: 'ERR_ADOPTION_BLOCKED' })
  await plantRecord('plantedbeforeplb')
  await adopt()
  await expect
    .poll(() => server.query('select requires_macs as held from keyhold.replicas'))
    .toEqual([{ held: true }])

  // The gap.
  expect(await asks(planted)).toBe(200)
  // The operator has seen it,
  expect(shown.filter((line) => line.includes('key=plantedbeforeplb role=operator'))).toHaveLength(1)
  // and nothing that is planted afterwards is believed.
  expect(await asks(await plant('plantedafterplan'))).toBe(401)
  await server.query(`delete from keyhold.api_keys where id = 'plantedafterplan'`)
})

test('older slice: a lock is undone where nobody remembers it, and the disabled key keeps the data closed', async () => {
  const tenant = await server.createTenant()
  const keyArn = await server.createCustomerKey([tenant.tenantId])
  await migrateTo(server.url, tenant, keyArn)
  const [token = ''] = await encryptUnder(server.url, tenant, ['pay'])
  const putBack = await keepSlice(tenant, 'older')
  await lock(tenant)
  expect(await read(server, tenant, token)).toBe('ERR_TENANT_LOCKED')
  await putBack()

  // A replica that has seen the newer state refuses the older one, whatever the database says.
  expect(await read(server, tenant, token)).toMatch(/ERR_TENANT_LOCKED|ERR_RECORD_NOT_AUTHENTIC/)
  await onFresh(async (fresh) => {
    // The gap: one that starts afterwards takes it for the newest.
    expect(await read(fresh, tenant, token)).toBe('the value')
    // The key itself is not in the hands of the database.
    await server.customerKms().send(new DisableKeyCommand({ KeyId: keyArn }))
    await expect.poll(() => read(fresh, tenant, token), { timeout: 20_000 }).toBe('ERR_KMS_KEY_DISABLED')
  })
  expect(await read(server, tenant, token)).not.toBe('the value')
})

test('older slice, of the installation: a revoked API key of an operator comes back where nobody remembers', async () => {
  const { body } = await call(server.url, server.operatorToken, 'POST', '/api/v1/api-keys', {
    role: 'operator',
  })
  const { id, key } = body as { id: string; key: string }
  const asks = async (url: string) => (await call(url, key, 'GET', '/api/v1/tenants')).status
  await server.query('create schema installation')
  for (const table of ['installation', 'api_keys'])
    await server.query(`create table installation.${table} as table keyhold.${table}`)
  await call(server.url, server.operatorToken, 'DELETE', `/api/v1/api-keys/${id}`)
  await server.query('create schema newest')
  for (const table of ['installation', 'api_keys'])
    await server.query(`create table newest.${table} as table keyhold.${table}`)
  const put = async (from: string) => {
    for (const table of ['api_keys', 'installation'])
      await server.query(
        `begin; ${asOwner} delete from keyhold.${table}; insert into keyhold.${table} select * from ${from}.${table}; commit`,
      )
  }
  await put('installation')
  expect(await asks(server.url)).not.toBe(200)
  await onFresh(async (fresh) => {
    // The gap.
    expect(await asks(fresh.url)).toBe(200)
  })
  // The row of the API key alone, without the one that vouches for it, brings back nothing anywhere.
  await put('newest')
  await server.query(
    `begin; ${asOwner} insert into keyhold.api_keys select * from installation.api_keys where id = '${id}'; commit`,
  )
  expect(await asks(server.url)).toBe(401)
  expect(await onFresh(({ url }) => asks(url))).toBe(401)
  await put('newest')
})

test('fork: two replicas that are shown two pasts go on in them, and only what leaves the database shows it', async () => {
  const tenant = await server.createTenant()
  const [token = ''] = await encryptUnder(server.url, tenant, ['pay'])
  await call(server.url, tenant.adminToken, 'GET', `${encryption}/audits/head`)
  const { database, connection, drop } = await cloneDatabase()
  const other = await startFresh(databaseUrl(connection))
  const inClone = openQueryPool(connection)
  try {
    await lock(tenant)
    // The gap: what happens in one of them never reaches the other one,
    expect(await read(server, tenant, token)).toBe('ERR_TENANT_LOCKED')
    expect(await read(other, tenant, token)).toBe('the value')
    const rotated = await call(
      other.url,
      tenant.adminToken,
      'POST',
      `${encryption}/data-keys/pay/actions/rotate`,
    )
    expect(rotated.status).toBe(200)
    // nothing inside either database contradicts anything, and both are signed.
    expect(await findFaults(connection)).toEqual([])
    const heads = await Promise.all(
      [server.url, other.url].map((url) => call(url, tenant.adminToken, 'GET', `${encryption}/audits/head`)),
    )
    expect(heads.map(({ status }) => status)).toEqual([200, 200])

    // Who keeps checkpoints of both sees two of one number.
    const newest = async (query: QueryPool['query']) =>
      (
        await query(
          'select number::int, jws from keyhold.audit_checkpoints where chain = $1 order by number desc limit 1',
          [tenant.tenantId],
        )
      )[0]
    const [mine, theirs] = [
      await newest((statement, values) => server.query(statement, [...(values ?? [])])),
      await newest((statement, values) => inClone.query(statement, values)),
    ]
    expect(mine?.number).toBe(theirs?.number)
    expect(mine?.jws).not.toBe(theirs?.jws)
    // And no row of the one past counts in the other one where that has a newer one, however right its MAC is.
    const columns = 'generation, locked_at, locked_by, mac'
    const [guard] = await inClone.query(`select ${columns} from keyhold.tenant_guards where tenant_id = $1`, [
      tenant.tenantId,
    ])
    await server.query(
      `update keyhold.tenant_guards set (${columns}) = row($2::bigint, $3::timestamptz, $4::text, $5::bytea) where tenant_id = $1`,
      [tenant.tenantId, ...Object.values(guard ?? {})],
    )
    expect(await read(server, tenant, token)).toMatch(/ERR_TENANT_LOCKED|ERR_RECORD_NOT_AUTHENTIC/)
  } finally {
    await inClone.close()
    await other.stop()
    await drop()
    expect(database).not.toBe(server.databaseConnection().database)
  }
})

/** A copy of the database at this moment, as one who owns the server of it makes it. */
async function cloneDatabase() {
  const original = server.databaseConnection()
  const database = `${original.database}_fork`
  const admin = openQueryPool({ ...original, database: 'postgres' })
  const administer = (statement: string) => admin.query(statement)
  await administer(`alter database ${original.database} allow_connections false`)
  await administer(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${original.database}'`,
  )
  await administer(`create database ${database} template ${original.database} strategy file_copy`)
  await administer(`alter database ${original.database} allow_connections true`)
  // The connections of the server come back.
  await expect
    .poll(async () => (await call(server.url, server.operatorToken, 'GET', '/api/v1/tenants')).status)
    .toBe(200)
  return {
    ...{ database, connection: { ...original, database } },
    drop: async () => {
      await administer(`drop database ${database} with (force)`)
      await admin.close()
    },
  }
}

// No gap any more.
test('a key that was given up is not asked for, though its rows are put back', async () => {
  const tenant = await server.createTenant()
  const [old, next] = [
    await server.createCustomerKey([tenant.tenantId]),
    await server.createCustomerKey([tenant.tenantId]),
  ]
  const fingerprint = await migrateTo(server.url, tenant, old)
  const [token = ''] = await encryptUnder(server.url, tenant, ['pay'])
  const of = `tenant_id = '${tenant.tenantId}'`
  await server.query(`create schema given_up;
    create table given_up.key_providers as select * from keyhold.key_providers where ${of} and key_arn = '${old}';
    update given_up.key_providers set is_current = false;
    create table given_up.tenant_keys as select * from keyhold.tenant_keys where ${of} and key_arn = '${old}'`)
  await migrateTo(server.url, tenant, next)
  const given = await call(
    server.url,
    tenant.adminToken,
    'DELETE',
    `${encryption}/keyproviders/${fingerprint}`,
  )
  expect(given.status).toBe(200)
  await server.query(`create schema true_rows;
    create table true_rows.tenant_keys as select * from keyhold.tenant_keys where ${of} and key_arn = '${old}'`)
  const asked = () => server.kms.countCalls({ keyId: old, operation: 'Decrypt' })
  const before = asked()
  await server.query(`begin; ${asOwner} drop index keyhold.tenant_keys_one_active;
    delete from keyhold.key_providers where ${of} and key_arn = '${old}';
    insert into keyhold.key_providers select * from given_up.key_providers;
    delete from keyhold.tenant_keys where ${of} and key_arn = '${old}';
    insert into keyhold.tenant_keys select * from given_up.tenant_keys;
    insert into keyhold.key_probes (tenant_id, fingerprint, due_at) values ('${tenant.tenantId}', '${fingerprint}', now())
      on conflict (tenant_id, fingerprint) do update set due_at = now(), claimed_until = null; commit`)

  // The prober has met it, and has left it alone.
  const isClaimed = async () =>
    (
      await server.query(
        `select from keyhold.key_probes where ${of} and fingerprint = '${fingerprint}' and due_at > now()`,
      )
    ).length > 0
  await expect.poll(isClaimed, { timeout: 20_000 }).toBe(true)
  // Everything refuses the tenant until the rows are gone, and no key is made or read with the old one.
  expect(await read(server, tenant, token)).toBe('ERR_RECORD_NOT_AUTHENTIC')
  await expect(encryptUnder(server.url, tenant, ['pay'])).rejects.toThrow('ERR_RECORD_NOT_AUTHENTIC')
  expect(asked()).toBe(before)
  await server.query(`begin; ${asOwner}
    delete from keyhold.key_providers where ${of} and key_arn = '${old}';
    delete from keyhold.tenant_keys where ${of} and key_arn = '${old}';
    insert into keyhold.tenant_keys select * from true_rows.tenant_keys; commit`)
  await expect.poll(() => read(server, tenant, token), { timeout: 20_000 }).toBe('the value')
})

test('standstill: deleted rows stop a tenant, destroy data for ever, and stop the service; they give nothing to anybody', async () => {
  const [tenant, neighbour] = [await server.createTenant(), await server.createTenant()]
  const [token = ''] = await encryptUnder(server.url, tenant, ['pay'])
  const [theirs = ''] = await encryptUnder(server.url, neighbour, ['pay'])
  const of = `tenant_id = '${tenant.tenantId}'`

  // The gap, for one tenant: it is stopped,
  const [guard] = await server.query(`delete from keyhold.tenant_guards where ${of} returning tenant_id`)
  expect(guard).toBeDefined()
  expect(await read(server, tenant, token)).toBe('ERR_RECORD_NOT_AUTHENTIC')
  expect((await lock(tenant)).status).toBe(503)
  // and its data is lost.
  await server.query(`delete from keyhold.cipherkeys where ${of}`)
  expect(await read(server, tenant, token)).not.toBe('the value')
  // Others are not touched, and cannot read what the deletion has left.
  expect(await read(server, neighbour, theirs)).toBe('the value')
  expect(await read(server, neighbour, token)).toBe('ERR_DECRYPTION_FAILED')

  // The gap, for the service: operators are stopped,
  await server.query('create table public.kept as table keyhold.installation')
  await server.query('delete from keyhold.installation')
  const operate = async () =>
    (await call(server.url, server.operatorToken, 'POST', '/api/v1/tenants', { id: 'another', name: 'x' }))
      .status
  expect(await operate()).not.toBe(201)
  // nothing is signed,
  const head = () => call(server.url, neighbour.adminToken, 'GET', `${encryption}/audits/head`)
  expect((await head()).status).toBeGreaterThanOrEqual(500)
  // and no replica makes a root key, or a signing key, in the place of those that are gone.
  await onFresh(async ({ url }) => {
    expect((await fetch(`${url}/readyz`)).status).toBe(503)
    expect(await server.query('select from keyhold.installation')).toEqual([])
    expect(await read({ url }, neighbour, theirs)).toBe('ERR_SEALED')
  })
  await server.query('insert into keyhold.installation select * from public.kept')
  expect((await head()).status).toBe(200)
})
