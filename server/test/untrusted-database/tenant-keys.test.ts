// Attacks on tenant keys with nothing but SQL: what follows is judged, by plaintext, calls of a KMS and rows that are emptied.
import { generateKey, keyCheckValue, type DataKey } from '@keyhold/core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { alone } from '../../../testkit/src/database/alone.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { newId } from '../../src/keyring/new-id.ts'
import { destroyDueTenantKeys } from '../../src/migration/destroy-due-tenant-keys.ts'
import { rotateDueTenantKeys, startRotation } from '../../src/migration/start-rotation.ts'
import { systemActor } from '../../src/store/audits.ts'
import { steeringKinds } from '../../src/store/authentic/steering-kinds.ts'
import type { Store } from '../../src/store/store.ts'
import {
  createCountingKms,
  createKeyring,
  createTenant,
  moveToNewTenantKey,
} from '../keyring/keyring-under-test.ts'
import { runEachNow } from '../event-loop/run-each-now.ts'
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const kms = createCountingKms()
const [own, foreign] = kms.arns
const tenantId = 'victim'
const other = 'attacker'
const ofVictim = `tenant_id = '${tenantId}'`

let postgres: TestPostgres
let database: TestStores
let store: Store
/** Under version 1, which is decrypt-only; version 2 is active. */
let secret: DataKey
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  database = await postgres.createStores()
  ;({ store } = database)
  for (const id of [tenantId, other]) await createTenant(store, kms, id, own)
  secret = await createKeyring(store, kms).dataKeys.getActive(tenantId, 'secret')
  await moveToNewTenantKey(store, kms, own, tenantId)
})

const sql = (statement: string) => database.query(statement)

/** Whoever reads a data key, or makes one, is refused before any KMS is asked, on a warm replica and on a cold one. */
async function expectRefused(of: Store = store): Promise<void> {
  const [before, beforeForeign] = [kms.calls(), kms.calls(foreign)]
  const { dataKeys } = createKeyring(of, kms)
  const code = 'ERR_RECORD_NOT_AUTHENTIC'
  await expect(dataKeys.get(tenantId, secret.id, 1)).rejects.toMatchObject({ code })
  await expect(dataKeys.getActive(tenantId, 'new')).rejects.toMatchObject({ code })
  expect([kms.calls(), kms.calls(foreign)]).toEqual([before, beforeForeign])
  expect(await sql(`select from keyhold.cipherkeys where ${ofVictim} and key_name = 'new'`)).toEqual([])
}

const wraps = async () =>
  await sql(`select version, wrapped from keyhold.tenant_keys where ${ofVictim} order by 1`)

test('a row that is planted while somebody holds the fence gets into no manifest', async () => {
  await store.withFence(tenantId, async (transaction) => {
    await plantVersion(3, 'pending')
    await transaction.tenants.moveFence(tenantId, 2)
  })
  await expectRefused()
})

test('without an attack every key opens', async () => {
  const { dataKeys } = createKeyring(store, kms)
  expect((await dataKeys.get(tenantId, secret.id, 1))?.key.equals(secret.key)).toBe(true)
  expect(await dataKeys.getActive(tenantId, 'new')).toBeDefined()
})

/** A version whose key the attacker knows, under a KEK of his own. */
async function plantVersion(version: number, state: string): Promise<void> {
  const ref = { tenantId, id: newId(new Date()), version }
  const { key, wrapped } = await kms.createTenantKey(foreign, ref)
  await database.query(
    `insert into keyhold.tenant_keys (tenant_id, version, id, state, key_arn, wrapped, key_check_value, mac)
     select $1, $2, $3, $4, $5, $6, $7, mac from keyhold.tenant_keys where ${ofVictim} and version = 1`,
    [tenantId, version, ref.id, state, foreign, wrapped, keyCheckValue({ ...ref, key })],
  )
}

test.each([
  ['and the fence is left as it is', ''],
  ['and the fence is moved to it', 'active_tenant_key_version = 3'],
  ['and the fence names its id', 'active_tenant_key_version = 3, active_tenant_key_id = v.id'],
])('a planted version with a key of the attacker is made active, %s', async (_, move) => {
  await sql(`update keyhold.tenant_keys set state = 'decrypt-only' where ${ofVictim}`)
  await plantVersion(3, 'active')
  if (move !== '')
    await sql(`update keyhold.tenants t set ${move} from keyhold.tenant_keys v
      where t.id = v.tenant_id and v.version = 3 and t.id = '${tenantId}'`)
  await expectRefused()
})

slowTest('a planted version that nothing names is not led to by a key job either', async () => {
  await plantVersion(3, 'pending')
  const rotating = startRotation(
    { store, kms, failpoint: () => Promise.resolve(), enqueue: () => Promise.resolve() },
    tenantId,
    systemActor,
  )
  await expect(rotating).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
  expect(await sql(`select from keyhold.key_jobs`)).toEqual([])
  await expectRefused()
})

const changes: Record<keyof (typeof steeringKinds.tenantKey)['columns'], string> = {
  created_at: "'2020-01-01'",
  destroy_after: 'now()',
  destroyed_at: 'now()',
  external_id: 'gen_random_uuid()',
  format: 'null',
  id: 'gen_random_uuid()',
  key_arn: `'${foreign}'`,
  key_check_value: "sha256('')",
  reached_as: "'self'",
  replica_regions: "'{eu-west-3}'",
  role_arn: "'arn:aws:iam::222222222222:role/evil'",
  state: "'pending'",
  tenant_id: `'${other}'`,
  version: '7',
  wrapped: "'\\x00'",
}
test.each(doseOf(Object.entries(changes), 5))('%s of a version is changed', async (column, value) => {
  const whole =
    column === 'role_arn' || column === 'external_id'
      ? `reached_as = 'role', role_arn = 'arn:aws:iam::222222222222:role/evil', external_id = gen_random_uuid()`
      : `${column} = ${value}`
  await sql(`alter table keyhold.tenant_keys disable trigger user, drop constraint tenant_keys_access_whole;
    drop index keyhold.tenant_keys_one_active`)
  // All of them, where no two may have the same.
  const which = { tenant_id: 'version = 2', version: 'version = 1' }[column] ?? 'true'
  await sql(`update keyhold.tenant_keys set ${whole} where ${ofVictim} and ${which}`)
  await expectRefused()
})

test('two versions of a tenant, or of two, change places', async () => {
  const swap = (a: string, b: string) =>
    sql(`create temporary table swapped as select * from keyhold.tenant_keys where (${a}) or (${b});
      update keyhold.tenant_keys set id = gen_random_uuid() where (${a}) or (${b});
      update keyhold.tenant_keys t set id = s.id, key_arn = s.key_arn, wrapped = s.wrapped,
        key_check_value = s.key_check_value, created_at = s.created_at, mac = s.mac
        from swapped s where ((${a.replaceAll(/(tenant_id|version)/g, 't.$1')}) and (${b.replaceAll(/(tenant_id|version)/g, 's.$1')}))
          or ((${b.replaceAll(/(tenant_id|version)/g, 't.$1')}) and (${a.replaceAll(/(tenant_id|version)/g, 's.$1')}));
      drop table swapped`)
  const [first, second] = [`${ofVictim} and version = 1`, `${ofVictim} and version = 2`]
  await swap(first, second)
  await expectRefused()
  await swap(first, second)
  await swap(first, `tenant_id = '${other}' and version = 1`)
  await expect(createKeyring(store, kms).dataKeys.get(tenantId, secret.id, 1)).rejects.toThrow()
})

slowTest('one version is changed: the other, and the neighbour, go on', async () => {
  await sql(`update keyhold.tenant_keys set destroy_after = now() where ${ofVictim} and version = 1`)
  const { dataKeys } = createKeyring(store, kms)
  await expect(dataKeys.get(tenantId, secret.id, 1)).rejects.toMatchObject({
    code: 'ERR_RECORD_NOT_AUTHENTIC',
  })
  expect(await dataKeys.getActive(tenantId, 'new')).toBeDefined()
  expect(await dataKeys.getActive(other, 'any')).toBeDefined()
})

test('a version is deleted: the others are refused too, and its number is not used again', async () => {
  await sql('alter table keyhold.tenant_keys disable trigger user')
  await sql(`delete from keyhold.tenant_keys where ${ofVictim} and version = 1`)
  await expectRefused()
  const ref = { tenantId, id: newId(new Date()), version: 1 }
  const row = {
    ...ref,
    state: 'pending' as const,
    keyArn: own,
    keyCheckValue: keyCheckValue({ ...ref, key: generateKey() }),
  }
  const using = alone(store, tenantId).tenantKeys.insert({ ...row, wrapped: Buffer.of(0) })
  await expect(using).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
})

describe('the end of a version', () => {
  const retire = (days: number) => alone(store, tenantId).tenantKeys.retireOthers(tenantId, 2, [], days)
  const keep = () => sql('create table public.kept as select * from keyhold.tenant_keys')
  const putBack = () =>
    sql(`update keyhold.tenant_keys t set state = k.state, wrapped = k.wrapped, destroy_after = k.destroy_after,
      destroyed_at = k.destroyed_at, mac = k.mac from public.kept k where (t.tenant_id, t.version) = (k.tenant_id, k.version)`)

  test('comes back, with the MAC that it had: the key does not open, and nobody asks its KMS', async () => {
    await keep()
    await retire(0)
    await putBack()
    await expectRefused()
    // Also for a replica that has just started.
    await expectRefused(await postgres.openStore(database.connection))
  })

  slowTest('comes early: the version stays, and so does what it wraps', async () => {
    // Nothing is under it any more.
    await sql(`delete from keyhold.cipherkeys where ${ofVictim}`)
    await retire(30)
    const before = await wraps()
    await sql(
      `update keyhold.tenant_keys set destroy_after = now() - interval '1 day' where destroy_after is not null`,
    )
    expect(await store.tenantKeys.listDueForDestruction(10)).toHaveLength(1)
    const failures: unknown[] = []
    expect(await destroyDueTenantKeys(store, runEachNow(failures))).toBe(0)
    expect(failures).toMatchObject([{ code: 'ERR_RECORD_NOT_AUTHENTIC' }])
    expect(await wraps()).toEqual(before)
  })

  slowTest('is brought about by a state that an older row had, when a key job ends', async () => {
    await sql(`update keyhold.tenant_keys set state = 'pending' where ${ofVictim} and version = 1`)
    const before = await wraps()
    for (const end of [
      () => alone(store, tenantId).tenantKeys.destroyPending(tenantId),
      () => retire(0),
      () => alone(store, tenantId).tenantKeys.destroyAll(tenantId),
    ])
      await expect(end()).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
    expect(await wraps()).toEqual(before)
  })

  test('takes the active one as soon as the fence is put back to before it', async () => {
    await sql('create table public.fences as select * from keyhold.tenants')
    await moveToNewTenantKey(store, kms, own, tenantId)
    await sql(`update keyhold.tenants t set fence_epoch = f.fence_epoch, generation = f.generation, mac = f.mac,
      manifest = f.manifest, active_tenant_key_version = f.active_tenant_key_version,
      active_tenant_key_id = f.active_tenant_key_id from public.fences f where t.id = f.id and t.id = '${tenantId}'`)
    await expectRefused()
    await expectRefused(await postgres.openStore(database.connection))
  })
})

slowTest('a version that is made to look old is not rotated', async () => {
  await sql(`update keyhold.tenant_keys set created_at = now() - interval '400 days' where ${ofVictim}`)
  expect(await store.tenantKeys.listDueForRotation(365, 10)).toHaveLength(1)
  const parts = { store, kms, failpoint: () => Promise.resolve(), enqueue: () => Promise.resolve() }
  const failures: unknown[] = []
  await rotateDueTenantKeys(parts, { maxAgeDays: 365, limit: 10 }, runEachNow(failures))
  expect(failures).toMatchObject([{ code: 'ERR_RECORD_NOT_AUTHENTIC' }])
  expect(await sql('select from keyhold.key_jobs')).toEqual([])
})

test('a replica that holds a key lets it go when it meets a row that is not Keyhold’s', async () => {
  const { tenantKeys } = createKeyring(store, kms)
  const held = await tenantKeys.get(tenantId, 1)
  await sql(`update keyhold.tenant_keys set created_at = '2020-01-01' where ${ofVictim} and version = 2`)
  await expect(tenantKeys.get(tenantId, 2)).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
  expect(held?.validUntilMs).toBe(Number.NEGATIVE_INFINITY)
})

slowTest('a cold replica verifies few rows, and a warm one none', async () => {
  const { store: cold, count } = await openCounted()
  const { dataKeys } = createKeyring(cold, kms)
  const first = await count(() => dataKeys.get(tenantId, secret.id, 1))
  // The version, the fence and the guard. Of a customer's key also how it is reached, and how it is.
  expect(first).toBe(3)
  expect(await count(() => dataKeys.get(tenantId, secret.id, 1))).toBe(0)
  // One that makes a data key looks at the fence again, and it is still the same.
  expect(await count(() => createKeyring(cold, kms).dataKeys.getActive(tenantId, 'new'))).toBe(2)
})

async function openCounted() {
  const cold = await postgres.openStore(database.connection)
  const count = async (work: () => Promise<unknown>) => {
    const before = cold.macs.count()
    await work()
    return cold.macs.count() - before
  }
  return { store: cold, count }
}
