// Crypto-shredding over HTTP: scheduled, cancellable, all or nothing, and proven by a record that anybody can check.
import type { Destruction, DestructionWithRecord } from '@keyhold/contract'
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose'
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call, decryptAll, encryptUnder, plaintextOf, startMigration } from '../../../testkit/src/http/api.ts'
import { codeOf, isIn, waitForKeyJob, type Answer } from '../../../testkit/src/http/key-jobs.ts'
import { prepareTenant } from '../../../testkit/src/tenants/prepared-tenant.ts'
import { holdAt } from '../../../testkit/src/server/hold-at.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { makeDue } from '../../../testkit/src/server/make-due.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const dataKeys = '/api/v1/encryption/data-keys'
const destructions = '/api/v1/encryption/destructions'
const waits = { timeout: 20_000, interval: 100 }

let server: TestServer
const hold = holdAt('migration.copy.before-chunk')
beforeAll(async () => {
  server = await startTestServer({}, { hold })
})
afterAll(() => server.stop())

const as = (token: string) => (method: string, path: string, body?: unknown) =>
  call(server.url, token, method, path, body)
const operator = (method: string, path: string, body?: unknown) =>
  as(server.operatorToken)(method, path, body)

async function schedule({ adminToken }: TestTenant, keyName: string): Promise<Destruction> {
  const path = `${dataKeys}/${keyName}/actions/destroy`
  const { status, body } = await as(adminToken)('POST', path, { inDays: 7 })
  expect(status).toBe(200)
  return body as Destruction
}

const find = async (id: string) =>
  (await operator('GET', `/api/v1/destructions/${id}`)).body as DestructionWithRecord

async function waitForEnd(id: string): Promise<DestructionWithRecord> {
  await expect.poll(async () => (await find(id)).state, waits).toBe('destroyed')
  return find(id)
}

async function verifiedRecord({ jws = '', record }: DestructionWithRecord): Promise<unknown> {
  const { body } = await operator('GET', '/api/v1/encryption/signing-keys')
  const { payload } = await compactVerify(jws, createLocalJWKSet(body as JSONWebKeySet))
  expect(JSON.parse(Buffer.from(payload).toString())).toEqual(record)
  return record
}

interface Identity {
  data_key_id: string
  version: number
  key_check_value: Buffer
}

async function identities({ tenantId }: TestTenant, keyName?: string): Promise<Identity[]> {
  const rows = await server.query(
    `select data_key_id, version, key_check_value from keyhold.cipherkeys
     where tenant_id = $1 and coalesce(key_name = $2, $2 is null) order by data_key_id, version`,
    [tenantId, keyName ?? null],
  )
  return rows as unknown as Identity[]
}

/** As the documentation says how to compute it. */
function digestOf(rows: Identity[]): string {
  const hash = createHash('sha256')
  for (const { data_key_id: id, version, key_check_value: keyCheckValue } of rows) {
    const versionBytes = Buffer.from(version.toString(16).padStart(8, '0'), 'hex')
    hash
      .update(Buffer.from(id.replaceAll('-', ''), 'hex'))
      .update(versionBytes)
      .update(keyCheckValue)
  }
  return hash.digest('hex')
}

async function listed({ adminToken }: TestTenant) {
  const { body } = await as(adminToken)('GET', dataKeys)
  return (body as { dataKeys: { keyName: string; dataKeyId: string; destroyAt?: string }[] }).dataKeys
}

const states = ({ adminToken }: TestTenant) =>
  as(adminToken)('GET', destructions).then(({ body }) =>
    (body as { destructions: Destruction[] }).destructions.map(({ state }) => state),
  )

const refusal = (answer: Answer) => [answer.status, codeOf(answer)]

test('a data key goes with all its versions, at its time and not before, and leaves a signed record', async () => {
  const tenant = await server.createTenant()
  const admin = as(tenant.adminToken)
  const service = as(tenant.serviceToken)
  const first = await encryptUnder(server.url, tenant, ['shredded', 'kept'])
  await admin('POST', `${dataKeys}/shredded/actions/rotate`)
  const tokens = [...first, ...(await encryptUnder(server.url, tenant, ['shredded']))]
  const leased = await service('POST', '/api/v1/encryption/data-keys', {})
  const { header } = leased.body as { header: string }
  const destroy = `${dataKeys}/shredded/actions/destroy`

  for (const inDays of [0, 6, 31, 7.5, '7', undefined])
    expect(refusal(await admin('POST', destroy, { inDays }))).toEqual([400, 'ERR_INVALID_REQUEST'])
  const unknown = await admin('POST', `${dataKeys}/nobodys/actions/destroy`, { inDays: 7 })
  expect(refusal(unknown)).toEqual([404, 'ERR_KEY_NAME_NOT_FOUND'])

  const mistake = await schedule(tenant, 'shredded')
  expect(refusal(await admin('POST', destroy, { inDays: 30 }))).toEqual([409, 'ERR_DESTRUCTION_SCHEDULED'])
  expect((Date.parse(mistake.dueAt) - Date.parse(mistake.scheduledAt)) / 86_400_000).toBe(7)
  expect((await listed(tenant)).map(({ keyName, destroyAt }) => [keyName, destroyAt])).toEqual([
    ['kept', undefined],
    ['shredded', mistake.dueAt],
  ])
  const cancel = `${destructions}/${mistake.id}/actions/cancel`
  expect(await admin('POST', cancel)).toMatchObject({ status: 200, body: { state: 'cancelled' } })
  expect(await admin('POST', cancel)).toMatchObject({ status: 200, body: { state: 'cancelled' } })
  expect((await listed(tenant)).map(({ destroyAt }) => destroyAt)).toEqual([undefined, undefined])
  // A cancelled destruction stays cancelled, whatever the hour.
  await makeDue(server, mistake.id)

  const { id, dataKeyId } = await schedule(tenant, 'shredded')
  const before = await identities(tenant, 'shredded')
  expect(before).toHaveLength(2)
  const epoch = 'select fence_epoch as epoch from keyhold.tenants where id = $1'
  const [fence] = await server.query(epoch, [tenant.tenantId])
  const plaintexts = [plaintextOf('shredded'), plaintextOf('kept'), plaintextOf('shredded')]
  expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)

  await makeDue(server, id)
  const done = await waitForEnd(id)
  const gone = 'ERR_DECRYPTION_FAILED'
  expect(await decryptAll(server.url, tenant, tokens)).toEqual([gone, plaintextOf('kept'), gone])
  expect(await identities(tenant, 'shredded')).toEqual([])
  expect((await service('POST', '/api/v1/encryption/data-keys/unwrap', { header })).status).toBe(200)
  expect((await server.query(epoch, [tenant.tenantId]))[0]).not.toEqual(fence)
  expect(await states(tenant)).toEqual(['destroyed', 'cancelled'])
  const late = await admin('POST', `${destructions}/${id}/actions/cancel`)
  expect(refusal(late)).toEqual([409, 'ERR_DESTRUCTION_ENDED'])

  // Like a token of a data key that never existed, to the last byte but the trace.
  const item = (token: string | undefined) =>
    service('POST', '/api/v1/encryption/decrypt', { items: [{ token }] })
  const other = await server.createTenant()
  const [foreign] = await encryptUnder(server.url, other, ['shredded'])
  expect(await item(tokens[0])).toEqual(await item(foreign))

  expect(await verifiedRecord(done)).toMatchObject({
    type: 'keyhold/destruction-record/1',
    id,
    kind: 'data-key',
    tenantId: tenant.tenantId,
    keyName: 'shredded',
    dataKeyId,
    scheduledBy: done.scheduledBy,
    scheduledAt: done.scheduledAt,
    destroyedAt: done.destroyedAt,
    cipherkeys: {
      count: 2,
      dataKeys: 1,
      digest: digestOf(before),
      listed: before.map(({ version, key_check_value }) => ({
        dataKeyId,
        version,
        keyCheckValue: key_check_value.toString('hex'),
      })),
    },
  })
  expect((await admin('GET', `${destructions}/${id}`)).body).toEqual(done)

  const [anew = ''] = await encryptUnder(server.url, tenant, ['shredded'])
  expect((await listed(tenant)).find(({ keyName }) => keyName === 'shredded')?.dataKeyId).not.toBe(dataKeyId)
  expect(await decryptAll(server.url, tenant, [anew])).toEqual([plaintextOf('shredded')])
  const count = 'select names from keyhold.key_name_counts where tenant_id = $1'
  expect(await server.query(count, [tenant.tenantId])).toEqual([{ names: 2 }])
}, 40_000)

test('a destruction waits for a live key job, and can be cancelled while it does', async () => {
  const { tenant, tokens, fingerprint } = await prepareTenant(server)
  const [one, two] = [await schedule(tenant, 'one'), await schedule(tenant, 'two')]
  const jobId = await startMigration(server.url, tenant, fingerprint)
  await makeDue(server, one.id)
  await makeDue(server, two.id)
  await waitForKeyJob(server, tenant, jobId, isIn('copy'))
  await server.sweep()
  expect((await waitForKeyJob(server, tenant, jobId, () => true)).phase).toBe('copy')
  expect(await states(tenant)).toEqual(['scheduled', 'scheduled'])
  await as(tenant.adminToken)('POST', `${destructions}/${two.id}/actions/cancel`)
  hold.release()
  const job = await waitForKeyJob(server, tenant, jobId, isIn('done'))
  expect(job.cipherkeys.copied).toBe(3)
  const { destroyedAt = '' } = await waitForEnd(one.id)
  expect(Date.parse(destroyedAt)).toBeGreaterThanOrEqual(Date.parse(job.completedAt ?? ''))
  expect(await decryptAll(server.url, tenant, tokens)).toEqual([
    'ERR_DECRYPTION_FAILED',
    plaintextOf('two'),
    plaintextOf('three'),
  ])
}, 60_000)

slowTest(
  'where the record cannot be stored nothing is destroyed, and it is tried again',
  async () => {
    const { tenant, tokens } = await prepareTenant(server)
    const { id } = await schedule(tenant, 'one')
    await server.query(
      `create function keyhold.refuse() returns trigger language plpgsql as
     $$ begin raise exception 'no room for the record'; end $$`,
      [],
    )
    const trigger = `before update on keyhold.destructions for each row when (new.jws is not null)`
    await server.query(`create trigger refuse ${trigger} execute function keyhold.refuse()`, [])
    await makeDue(server, id)
    await server.sweep()
    expect((await find(id)).state).toBe('scheduled')
    expect(await identities(tenant)).toHaveLength(3)
    expect(await decryptAll(server.url, tenant, tokens)).toEqual(['one', 'two', 'three'].map(plaintextOf))

    await server.query('drop trigger refuse on keyhold.destructions', [])
    await waitForEnd(id)
    expect(await identities(tenant)).toHaveLength(2)
  },
  40_000,
)

slowTest(
  'a tenant goes with everything, its id is never used again, and the operator keeps the record',
  async () => {
    const { tenant, tokens, fingerprint } = await prepareTenant(server)
    const neighbour = await prepareTenant(server)
    const { tenantId } = tenant
    const path = `/api/v1/tenants/${tenantId}`
    const { body: platform } = await operator('POST', '/api/v1/api-keys', { role: 'service' })
    const scheduleDeletion = () => operator('POST', `${path}/actions/schedule-deletion`, { inDays: 30 })
    const cancelDeletion = () => operator('POST', `${path}/actions/cancel-deletion`)
    const dueAt = async () => ((await operator('GET', path)).body as { deletionDueAt?: string }).deletionDueAt

    expect(refusal(await operator('DELETE', path))).toEqual([409, 'ERR_TENANT_IN_USE'])
    const tooSoon = await operator('POST', `${path}/actions/schedule-deletion`, { inDays: 6 })
    expect(refusal(tooSoon)).toEqual([400, 'ERR_INVALID_REQUEST'])
    expect(refusal(await cancelDeletion())).toEqual([404, 'ERR_DESTRUCTION_NOT_FOUND'])
    const nobody = await operator('POST', '/api/v1/tenants/nobody/actions/schedule-deletion', { inDays: 7 })
    expect(refusal(nobody)).toEqual([404, 'ERR_TENANT_NOT_FOUND'])

    expect(await scheduleDeletion()).toMatchObject({ status: 200, body: { kind: 'tenant', tenantId } })
    expect(await cancelDeletion()).toMatchObject({ status: 200, body: { state: 'cancelled' } })
    expect(await dueAt()).toBeUndefined()
    const deletion = (await scheduleDeletion()).body as Destruction
    expect(refusal(await scheduleDeletion())).toEqual([409, 'ERR_DESTRUCTION_SCHEDULED'])
    expect(await dueAt()).toBe(deletion.dueAt)
    const byAdmin = await as(tenant.adminToken)('POST', `${destructions}/${deletion.id}/actions/cancel`)
    expect(refusal(byAdmin)).toEqual([403, 'ERR_FORBIDDEN'])
    const ofDataKey = await schedule(tenant, 'one')
    expect(await decryptAll(server.url, tenant, tokens)).toEqual(['one', 'two', 'three'].map(plaintextOf))

    // More than the record names, and than are deleted at once.
    await server.query(
      `insert into keyhold.cipherkeys (tenant_id, data_key_id, version, state, tenant_key_version, wrapped, key_check_value)
     select $1, gen_random_uuid(), 1 + n % 3, 'active', 1, '\\x00', sha256(n::text::bytea) from generate_series(1, 2500) n`,
      [tenantId],
    )
    const before = await identities(tenant)
    await makeDue(server, deletion.id)
    const done = await waitForEnd(deletion.id)
    expect(await verifiedRecord(done)).toMatchObject({
      kind: 'tenant',
      tenantId,
      name: 'test tenant',
      keyNames: 3,
      cipherkeys: { count: 2503, dataKeys: 2503, digest: digestOf(before) },
      tenantKeys: [{ version: 1, state: 'active' }],
      keyProviders: [{ fingerprint: tenantId }, { fingerprint }],
      keyJobs: 0,
      apiKeys: 2,
    })
    const { cipherkeys } = done.record as { cipherkeys: { listed: { dataKeyId: string }[] } }
    expect(cipherkeys.listed.map(({ dataKeyId }) => dataKeyId)).toEqual(
      before.slice(0, 1_000).map(({ data_key_id }) => data_key_id),
    )
    expect(await find(ofDataKey.id)).toMatchObject({ state: 'destroyed', jws: done.jws })

    const tables = (await server.query(
      `select table_name from information_schema.columns
     where table_schema = 'keyhold' and column_name = 'tenant_id' and table_name <> all($1)
       and table_name !~ '^cipherkeys_p'`,
      // The records of what was done, and what calls have still to be paid for.
      [['destructions', 'kms_usage']],
    )) as { table_name: string }[]
    expect(tables.length).toBeGreaterThanOrEqual(5)
    for (const { table_name: table } of tables)
      expect(await server.query(`select * from keyhold.${table} where tenant_id = $1`, [tenantId])).toEqual(
        [],
      )

    // A replica knows a token for a few seconds.
    const decrypt = { items: [{ token: tokens[0] }] }
    const asService = () => as(tenant.serviceToken)('POST', '/api/v1/encryption/decrypt', decrypt)
    await expect.poll(async () => refusal(await asService()), waits).toEqual([401, 'ERR_UNAUTHENTICATED'])
    const asPlatform = await server.request('POST', '/api/v1/encryption/decrypt', {
      token: (platform as { key: string }).key,
      body: decrypt,
      headers: { 'keyhold-tenant': tenantId },
    })
    expect(refusal(asPlatform)).toEqual([404, 'ERR_TENANT_NOT_FOUND'])
    expect(refusal(await operator('GET', path))).toEqual([404, 'ERR_TENANT_NOT_FOUND'])
    expect(refusal(await cancelDeletion())).toEqual([409, 'ERR_DESTRUCTION_ENDED'])
    const anew = await operator('POST', '/api/v1/tenants', { id: tenantId, name: 'anew' })
    expect(refusal(anew)).toEqual([409, 'ERR_TENANT_EXISTS'])
    const { body } = await operator('GET', `/api/v1/destructions?tenantId=${tenantId}&limit=1`)
    expect(body).toMatchObject({ destructions: [{ id: ofDataKey.id }], next: ofDataKey.id })
    expect(await decryptAll(server.url, neighbour.tenant, neighbour.tokens)).toHaveLength(3)
    expect(await identities(neighbour.tenant)).toHaveLength(3)
  },
  60_000,
)
