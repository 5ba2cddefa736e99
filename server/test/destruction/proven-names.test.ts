// A data key is destroyed by its name, which its wraps prove: whoever exchanges names has no other one destroyed.
import type { DataKey, ErrorCode } from '@keyhold/core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { alone } from '../../../testkit/src/database/alone.ts'
import { setDue } from '../../../testkit/src/database/set-due.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { destroyDataKey } from '../../src/destruction/destroy-data-key.ts'
import { scheduleDataKeyDestruction } from '../../src/destruction/schedule-destruction.ts'
import { systemActor } from '../../src/store/audits.ts'
import type { Store } from '../../src/store/store.ts'
import { moveToNewTenantKey } from '../keyring/keyring-under-test.ts'
import { makeNamedKeys, type NamedKeys } from '../keyring/named-keys.ts'
import { newKeyJob } from '../store/stored-rows.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let database: TestStores
let scene: NamedKeys
beforeAll(async () => {
  postgres = await openTestPostgres()
  database = await postgres.createStores()
})
afterAll(() => postgres.stop())

async function schedule(keyName: string): Promise<string> {
  const { store } = database
  const request = { keyName, inDays: 7 }
  const { id } = await scheduleDataKeyDestruction(store, scene.tenantId, request, systemActor)
  await setDue(store, id)
  return id
}

/** Runs a destruction that is due, and answers what was signed. */
async function run(id: string, store: Store = database.store): Promise<object[]> {
  const due = await store.destructions.find(id)
  if (due === undefined) throw new Error('nothing is scheduled')
  const signed: object[] = []
  await destroyDataKey(
    {
      store,
      openTenantKey: async (tenantId, version) =>
        (await scene.cold().tenantKeys.get(tenantId, version, 1))?.tenantKey,
      holdSigner: () =>
        Promise.resolve((payload) => {
          signed.push(payload)
          return JSON.stringify(payload)
        }),
      ...{ onShredded: () => undefined, onDestroyed: () => undefined },
      signal: new AbortController().signal,
    },
    due,
  )
  return signed
}

async function expectDestroyed(id: string, keyName: string, key: DataKey): Promise<void> {
  expect(await run(id)).toMatchObject([{ keyName, dataKeyId: key.id }])
  expect((await scene.rows()).filter((row) => row.id === key.id)).toEqual([])
}

async function expectRefused(id: string, code: ErrorCode = 'ERR_RECORD_NOT_AUTHENTIC'): Promise<void> {
  const before = await scene.rows()
  await expect(run(id)).rejects.toMatchObject({ code })
  expect(await scene.rows()).toEqual(before)
}

describe('under format 2', () => {
  beforeEach(async () => {
    scene = await makeNamedKeys(database, 2)
  })

  test('what has the name is destroyed', async () => {
    await expectDestroyed(await schedule('pay'), 'pay', scene.pay)
  })

  test('names were exchanged before it was scheduled: neither is destroyed', async () => {
    await scene.exchange()
    const id = await schedule('pay')
    await expectRefused(id)
    // Nor where they are exchanged again meanwhile.
    await scene.exchange()
    await expectRefused(id)
  })

  slowTest('versions that are damaged go as well, if another one proves the name', async () => {
    const { pay, tenantId } = scene
    await scene.cold().dataKeys.rotate(tenantId, 'pay', systemActor)
    await scene.change('wrapped = sha256(wrapped)', `data_key_id = '${pay.id}' and version = 1`)
    await expectDestroyed(await schedule('pay'), 'pay', pay)
  })

  test('where none proves it nothing is destroyed, until all were accepted as unreadable', async () => {
    const { pay, tenantId } = scene
    const { store } = database
    await scene.change('wrapped = sha256(wrapped)', `data_key_id = '${pay.id}'`)
    const id = await schedule('pay')
    await expectRefused(id)
    const job = await alone(store, tenantId).keyJobs.insert(newKeyJob({ tenantId }))
    const unreadable = { dataKeyId: pay.id, version: 1, tenantKeyVersion: 1, code: 'ERR_KEY_INTEGRITY' }
    await store.transaction(async ({ keyJobFailures }) => {
      await keyJobFailures.insert({ id: job.id, tenantId }, [unreadable])
      await keyJobFailures.accept(job.id, [unreadable], 'ak_1')
    })
    await alone(store, tenantId).keyJobs.end(job.id)
    await expectDestroyed(id, 'pay', pay)
  })

  /** A store in which the proof sees other cipherkeys than the deletion. */
  function showing(listVersions: Store['cipherkeys']['listVersions']): Store {
    const { store } = database
    return { ...store, cipherkeys: { ...store.cipherkeys, listVersions } }
  }

  slowTest(
    'names were exchanged, and the rows are away during the proof alone: nothing is destroyed',
    async () => {
      await scene.exchange()
      const id = await schedule('pay')
      const before = await scene.rows()
      const running = run(
        id,
        showing(() => Promise.resolve([])),
      )
      await expect(running).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
      expect(await scene.rows()).toEqual(before)
    },
  )

  slowTest(
    'a version that is made after the proof keeps its data key until it is proven as well',
    async () => {
      const { pay, tenantId } = scene
      const id = await schedule('pay')
      const running = run(
        id,
        showing(async (...of) => {
          const rows = await database.store.cipherkeys.listVersions(...of)
          await scene.cold().dataKeys.rotate(tenantId, 'pay', systemActor)
          return rows
        }),
      )
      await expect(running).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
      await expectDestroyed(id, 'pay', pay)
    },
  )

  slowTest('a KMS that refuses does not keep it for ever', async () => {
    const id = await schedule('pay')
    scene.kms.fail(scene.kms.arns[0], 'ERR_KMS_KEY_DISABLED')
    await expectDestroyed(id, 'pay', scene.pay)
  })

  test('it waits for a KMS that is away', async () => {
    const id = await schedule('pay')
    scene.kms.fail(scene.kms.arns[0], 'ERR_KMS_UNREACHABLE')
    await expectRefused(id, 'ERR_KMS_UNREACHABLE')
    scene.kms.fail(scene.kms.arns[0], undefined)
    await expectDestroyed(id, 'pay', scene.pay)
  })

  test.each([
    ['that was never made', 9],
    ['that does not wrap it', 2],
  ])(
    'names are exchanged, and the row is said to be under a version %s: nothing is destroyed',
    async (_, version) => {
      await moveToNewTenantKey(database.store, scene.kms, scene.kms.arns[1], scene.tenantId)
      await scene.exchange()
      await scene.change(`tenant_key_version = ${version}`, `data_key_id = '${scene.chat.id}'`)
      await expectRefused(await schedule('pay'))
    },
  )

  slowTest(
    'names are exchanged, and the row is said to be under an old version that its KMS refuses',
    async () => {
      await scene.bringUnderNext()
      scene.kms.fail(scene.kms.arns[0], 'ERR_KMS_KEY_DISABLED')
      await scene.exchange()
      await scene.change('tenant_key_version = 1', `data_key_id = '${scene.chat.id}'`)
      await expectRefused(await schedule('pay'))
    },
  )
})

describe('under format 1', () => {
  beforeEach(async () => {
    scene = await makeNamedKeys(database, 1)
  })

  test('no KMS is asked, and what has the name in its rows is destroyed (a gap)', async () => {
    await scene.exchange()
    const id = await schedule('pay')
    scene.kms.fail(scene.kms.arns[0], 'ERR_KMS_UNREACHABLE')
    await expectDestroyed(id, 'pay', scene.chat)
  })

  test('what is under it, without an end, while the tenant has come to format 2 proves nothing', async () => {
    await moveToNewTenantKey(database.store, scene.kms, scene.kms.arns[1], scene.tenantId)
    await expectRefused(await schedule('pay'))
  })

  slowTest('a wrap that was put back after a rotation proves nothing', async () => {
    const putBack = await scene.keepWraps()
    await scene.bringUnderNext()
    await putBack()
    await scene.exchange()
    await expectRefused(await schedule('pay'))
  })
})
