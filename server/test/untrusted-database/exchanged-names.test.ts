// Attacks with nothing but SQL on what a cipherkey says of its data key: its name, and when it was made. Under a tenant key of
// format 2 the wrap binds both. Under format 1 nothing does, which is a gap that is shown here.
import { encryptValue, parseToken } from '@keyhold/core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { alone } from '../../../testkit/src/database/alone.ts'
import { makeOlder } from '../../../testkit/src/database/make-older.ts'
import { resign } from '../../../testkit/src/database/resign.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { reencrypt } from '../../src/data/reencrypt.ts'
import { createRequestKeys } from '../../src/data/request-keys.ts'
import { setMinimumVersion } from '../../src/data/set-minimum-version.ts'
import { systemActor } from '../../src/store/audits.ts'
import { createRowMacs, type FaultyRow } from '../../src/store/authentic/row-macs.ts'
import { openDatabaseClock } from '../../src/store/database-clock.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { createCountingKms, createTenant, moveToNewTenantKey } from '../keyring/keyring-under-test.ts'
import { makeNamedKeys, maxDataKeyAgeMs, type NamedKeys } from '../keyring/named-keys.ts'
import { newKeyJob } from '../store/stored-rows.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const refused = { code: 'ERR_KEY_INTEGRITY' }

let postgres: TestPostgres
let database: TestStores
let store: Store
let scene: NamedKeys
beforeAll(async () => {
  postgres = await openTestPostgres()
  database = await postgres.createStores()
  ;({ store } = database)
})
afterAll(() => postgres.stop())

const getActive = (name: string) => scene.cold().dataKeys.getActive(scene.tenantId, name)
const get = (id: string) => scene.cold().dataKeys.get(scene.tenantId, id, 1)

/** A store whose faulty cipherkeys are heard of. */
async function openTelling() {
  const told: FaultyRow[] = []
  const recorder = createRowMacs((row) => told.push(row))
  const macs = {
    ...store.macs,
    tellUnopened: (row: Parameters<typeof recorder.tellUnopened>[0]) => {
      recorder.tellUnopened(row)
    },
  }
  return { told, telling: createStore(database.db, await openDatabaseClock(database.db), { macs }) }
}

describe('under format 2', () => {
  beforeEach(async () => {
    scene = await makeNamedKeys(database, 2)
  })

  test('without an attack every key opens, by its name and by its id', async () => {
    const { pay, chat } = scene
    expect((await getActive('pay')).key.equals(pay.key)).toBe(true)
    expect((await get(chat.id))?.key.equals(chat.key)).toBe(true)
  })

  test('two names are exchanged: nothing is encrypted or decrypted under either, and nothing is made', async () => {
    const { pay, chat, other, tenantId } = scene
    await scene.exchange()
    const before = await scene.rows()
    for (const name of ['pay', 'chat']) {
      await expect(getActive(name)).rejects.toMatchObject(refused)
      const rotating = scene.cold().dataKeys.rotate(tenantId, name, systemActor)
      await expect(rotating).rejects.toMatchObject(refused)
    }
    for (const { id } of [pay, chat]) await expect(get(id)).rejects.toMatchObject(refused)
    expect(await scene.rows()).toEqual(before)
    // The tenant's other keys go on.
    expect((await getActive('other')).key.equals(other.key)).toBe(true)
    expect(await getActive('new')).toBeDefined()
    // It is no damage: put right, all is as before.
    await scene.exchange()
    expect((await getActive('pay')).key.equals(pay.key)).toBe(true)
  })

  test.each([
    ['another name', `key_name = 'another'`, 'another'],
    ['no name', 'key_name = null', undefined],
    ['a name of blind indexes', `key_name = 'blind-index:pay'`, 'blind-index:pay'],
    ['a very long name', `key_name = repeat('x', 70000)`, 'x'.repeat(70_000)],
    ['a time in the future', `created_at = now() + interval '10 years'`, 'pay'],
    ['a time in the past', `created_at = now() - interval '10 years'`, 'pay'],
    ['a time without end', `created_at = 'infinity'`, 'pay'],
    ['a time without beginning', `created_at = '-infinity'`, 'pay'],
    ['another millisecond', `created_at = created_at + interval '1 millisecond'`, 'pay'],
  ])('%s: the data key is not used, and its age has no effect', async (_, change, name) => {
    const { pay } = scene
    await scene.change(change, `data_key_id = '${pay.id}'`)
    const before = await scene.rows()
    await expect(get(pay.id)).rejects.toMatchObject(refused)
    if (name !== undefined) await expect(getActive(name)).rejects.toMatchObject(refused)
    expect(await scene.rows()).toEqual(before)
  })

  slowTest('microseconds are the database’s own', async () => {
    await scene.change(`created_at = created_at + interval '999 microseconds'`)
    expect((await getActive('pay')).key.equals(scene.pay.key)).toBe(true)
  })

  test('the key of leases, and that of a blind index, are bound as well', async () => {
    const { tenantId } = scene
    await scene.cold().leases.create(tenantId)
    await scene.cold().leases.leaseBlindIndexKey(tenantId, 'email')
    await scene.change(`key_name = 'kept:'`, `key_name = 'lease:'`)
    await scene.change(`key_name = 'lease:'`, `key_name = 'blind-index:email'`)
    await scene.change(`key_name = 'blind-index:email'`, `key_name = 'kept:'`)
    const { leases } = scene.cold()
    await expect(leases.create(tenantId)).rejects.toMatchObject(refused)
    await expect(leases.leaseBlindIndexKey(tenantId, 'email')).rejects.toMatchObject(refused)
  })

  slowTest('one whose age is true gets its next version, under its own name', async () => {
    const { pay } = scene
    // A store may reckon the database's clock to be some milliseconds ahead.
    await makeOlder(database, await scene.openKey(1), 2 * maxDataKeyAgeMs, `data_key_id = '${pay.id}'`)
    const renewed = await getActive('pay')
    expect([renewed.id, renewed.version]).toEqual([pay.id, 2])
    expect((await getActive('pay')).key.equals(renewed.key)).toBe(true)
    expect((await get(pay.id))?.key.equals(pay.key)).toBe(true)
  })

  slowTest('one of old age that does not open stops no other name of the same moment', async () => {
    const { pay, chat, tenantId } = scene
    await scene.change(`created_at = created_at - interval '2 days'`, `data_key_id = '${pay.id}'`)
    const { dataKeys } = scene.cold()
    const found = ['pay', 'chat'].map((name) => dataKeys.getActive(tenantId, name))
    expect(await Promise.allSettled(found)).toMatchObject([
      { status: 'rejected', reason: refused },
      { status: 'fulfilled', value: { id: chat.id } },
    ])
  })

  slowTest('each such row is told of', async () => {
    const { pay, tenantId } = scene
    const { told, telling } = await openTelling()
    await scene.exchange()
    await expect(scene.cold(telling).dataKeys.get(tenantId, pay.id, 1)).rejects.toMatchObject(refused)
    expect(told).toEqual([
      {
        ...{ kind: 'cipherkey', table: 'cipherkeys', key: `${tenantId}/${pay.id}/1` },
        ...{ tenantId, fault: 'forged', used: false },
      },
    ])
  })

  slowTest(
    'a wrap that is put back under a version that is kept for backups is still one of its name',
    async () => {
      const { pay, chat } = scene
      const putBack = await scene.keepWraps()
      await scene.bringUnderNext()
      await putBack()
      expect((await getActive('pay')).key.equals(pay.key)).toBe(true)
      await scene.exchange()
      await expect(getActive('pay')).rejects.toMatchObject(refused)
      await expect(get(chat.id)).rejects.toMatchObject(refused)
    },
  )

  test('names are exchanged while keys are in memory: no value is re-encrypted under the other key', async () => {
    const { pay, chat, tenantId } = scene
    const warm = scene.cold()
    for (const name of ['pay', 'chat']) await warm.dataKeys.getActive(tenantId, name)
    const text = encryptValue(pay, {}, Buffer.from('a value'))
    await scene.exchange()
    const items = [{ value: { text, token: parseToken(text), context: {} } }]
    const reencrypted = await reencrypt(createRequestKeys(warm, tenantId), items, 'default')
    expect(reencrypted).toEqual([{ value: { token: text, reencrypted: false } }])
    expect(parseToken(text).header.dataKeyId).not.toBe(chat.id)
  })

  describe('a minimum version', () => {
    const set = (minimumVersion = 2, dataKeys = scene.cold().dataKeys) =>
      setMinimumVersion(
        { store, dataKeys, announce: () => undefined },
        scene.tenantId,
        { keyName: 'pay', minimumVersion },
        systemActor,
      )
    const minimums = () =>
      database.query('select data_key_id as id from keyhold.minimum_versions where tenant_id = $1', [
        scene.tenantId,
      ])
    beforeEach(async () => {
      for (const name of ['pay', 'chat'])
        await scene.cold().dataKeys.rotate(scene.tenantId, name, systemActor)
    })

    test('is not set for the data key that has another name', async () => {
      await scene.exchange()
      await expect(set()).rejects.toMatchObject(refused)
      expect(await minimums()).toEqual([])
    })

    slowTest('is not set either where names are exchanged just after the proof', async () => {
      const { dataKeys } = scene.cold()
      const proveName: typeof dataKeys.proveName = async (...of) => {
        const id = await dataKeys.proveName(...of)
        await scene.exchange()
        return id
      }
      await expect(set(2, { ...dataKeys, proveName })).rejects.toMatchObject(refused)
      expect(await minimums()).toEqual([])
    })

    slowTest(
      'is set while the KMS is away, which must keep nobody from retiring a version that has leaked',
      async () => {
        scene.kms.fail(scene.kms.arns[0], 'ERR_KMS_UNREACHABLE')
        expect(await set()).toMatchObject({ dataKeyId: scene.pay.id, minimumVersion: 2 })
        expect(await minimums()).toEqual([{ id: scene.pay.id }])
      },
    )

    slowTest('is lowered again where somebody has made a version below it active', async () => {
      await set()
      const ofPay = `data_key_id = '${scene.pay.id}'`
      await scene.change(`state = 'decrypt-only'`, ofPay)
      await scene.change(`state = 'active'`, `${ofPay} and version = 1`)
      await expect(getActive('pay')).rejects.toMatchObject(refused)
      await set(1)
      expect(await minimums()).toEqual([])
    })
  })

  test('the key of a blind index is no lease, whatever name another row of it has', async () => {
    const { tenantId } = scene
    const { dataKey } = await scene.cold().leases.leaseBlindIndexKey(tenantId, 'email')
    await database.query(
      `insert into keyhold.cipherkeys select tenant_id, data_key_id, v, 'a name', 'decrypt-only', tenant_key_version, wrapped,
         key_check_value, created_at from keyhold.cipherkeys, (values (2), (3)) v (v) where data_key_id = $1`,
      [dataKey.id],
    )
    expect(await scene.cold().leases.renew(tenantId, dataKey.id, 1)).toBeUndefined()
    await expect(scene.cold().leases.renew(tenantId, dataKey.id, 2)).rejects.toMatchObject(refused)
  })

  test('a format that is changed is a faulty row of the tenant key, and opens nothing', async () => {
    const { pay, tenantId } = scene
    await database.query('update keyhold.tenant_keys set format = null where tenant_id = $1', [tenantId])
    await scene.exchange()
    const code = 'ERR_RECORD_NOT_AUTHENTIC'
    await expect(getActive('pay')).rejects.toMatchObject({ code })
    await expect(get(pay.id)).rejects.toMatchObject({ code })
  })
})

describe('the format of a version', () => {
  const formatOf = async (version: number, tenantId: string, of = store) =>
    (await of.tenantKeys.list(tenantId)).find((each) => each.version === version)?.format

  test('is 2 where MACs are required, and 1 before', async () => {
    const { tenantId } = await makeNamedKeys(database, 2)
    expect(await formatOf(1, tenantId)).toBe(2)
    const kms = createCountingKms()
    const before = await postgres.openStoreBeforeAdoption(database.connection)
    await createTenant(before, kms, 'before', kms.arns[0])
    expect(await formatOf(1, 'before', before)).toBe(1)
    await moveToNewTenantKey(before, kms, kms.arns[0], 'before')
    expect(await formatOf(2, 'before', before)).toBe(1)
  })

  test('does not go back, also where MACs are not required any more', async () => {
    const { tenantId, kms } = await makeNamedKeys(database, 2)
    const lenient = await postgres.openStoreBeforeAdoption(database.connection)
    await moveToNewTenantKey(lenient, kms, kms.arns[0], tenantId)
    expect(await formatOf(2, tenantId)).toBe(2)
  })

  test('that a newer Keyhold has written is not taken for another one', async () => {
    scene = await makeNamedKeys(database, 2)
    await database.query(`alter table keyhold.tenant_keys drop constraint tenant_keys_format_check`)
    await database.query('update keyhold.tenant_keys set format = 3 where tenant_id = $1', [scene.tenantId])
    await resign(database.db)
    await expect(get(scene.pay.id)).rejects.toMatchObject(refused)
  })
})

describe('under format 1', () => {
  beforeEach(async () => {
    scene = await makeNamedKeys(database, 1)
  })

  test('two names are exchanged: what is encrypted afterwards is under the other key (a gap)', async () => {
    const { pay, chat } = scene
    await scene.exchange()
    expect((await getActive('pay')).key.equals(chat.key)).toBe(true)
    expect((await get(pay.id))?.key.equals(pay.key)).toBe(true)
  })

  slowTest('a name whose data key does not open gets a new version, as ever', async () => {
    const { pay, tenantId } = scene
    await scene.change('wrapped = sha256(wrapped)', `data_key_id = '${pay.id}'`)
    await expect(getActive('pay')).rejects.toMatchObject(refused)
    await scene.cold().dataKeys.rotate(tenantId, 'pay', systemActor)
    expect(await getActive('pay')).toMatchObject({ id: pay.id, version: 2 })
  })

  slowTest('its wraps, put back under the version that is kept for backups, encrypt nothing', async () => {
    const { pay, tenantId } = scene
    const putBack = await scene.keepWraps()
    await scene.bringUnderNext()
    await putBack()
    await scene.exchange()
    const before = await scene.rows()
    const { told, telling } = await openTelling()
    const asked = scene.cold(telling).dataKeys.getActive(tenantId, 'pay')
    await expect(asked).rejects.toMatchObject(refused)
    expect(told).toMatchObject([{ kind: 'cipherkey', fault: 'forged' }])
    const rotating = scene.cold().dataKeys.rotate(tenantId, 'pay', systemActor)
    await expect(rotating).rejects.toMatchObject(refused)
    expect(await scene.rows()).toEqual(before)
    // Values that exist are read for as long as the version is kept, as those of other old rows are.
    expect((await get(pay.id))?.key.equals(pay.key)).toBe(true)
  })

  slowTest(
    'its wraps encrypt nothing either where it has no end, unless a live key job brings cipherkeys from it',
    async () => {
      const { pay, tenantId, kms } = scene
      const job = newKeyJob({ tenantId, sourceVersion: 1 })
      await alone(store, tenantId).keyJobs.insert(job)
      await moveToNewTenantKey(store, kms, kms.arns[1], tenantId)
      expect((await getActive('pay')).key.equals(pay.key)).toBe(true)
      await alone(store, tenantId).keyJobs.end(job.id)
      await expect(getActive('pay')).rejects.toMatchObject(refused)
      // Nor while a key job is live that has nothing to do with it.
      await alone(store, tenantId).keyJobs.insert(newKeyJob({ tenantId, sourceVersion: 2 }))
      await expect(getActive('pay')).rejects.toMatchObject(refused)
      expect((await get(pay.id))?.key.equals(pay.key)).toBe(true)
    },
  )

  slowTest('after a rotation to format 2 the exchange is refused', async () => {
    const { pay } = scene
    await scene.bringUnderNext()
    await scene.exchange()
    await expect(getActive('pay')).rejects.toMatchObject(refused)
    await scene.exchange()
    expect((await getActive('pay')).key.equals(pay.key)).toBe(true)
  })
})
