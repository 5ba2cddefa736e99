// Rows that are not as Keyhold wrote them stand in the audit trail: each at most once an hour, and no flood of them fills it.
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { createFaultRecords } from '../../src/installation/fault-records.ts'
import type { FaultyRow } from '../../src/store/authentic/row-macs.ts'
import { connectionUser, onShare, type ConnectionUser } from '../../src/store/connections/connection-user.ts'
import type { Store } from '../../src/store/store.ts'
import { insertTenant, newKeyJob } from '../store/stored-rows.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let database: TestStores
let store: Store
let tenantId = ''
let tenants = 0
beforeAll(async () => {
  postgres = await openTestPostgres()
  database = await postgres.createStores()
  ;({ store } = database)
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  tenantId = `tenant_${++tenants}`
  await insertTenant(store, tenantId)
})

const faultOf = (changes: Partial<FaultyRow> = {}): FaultyRow => ({
  ...{ kind: 'keyProvider', table: 'key_providers', key: `${tenantId}/f`, tenantId },
  ...{ fault: 'forged', used: false },
  ...changes,
})

/** As one replica has them. */
function openRecords(of: Pick<Store, 'transaction'>, clock: () => number = () => 0) {
  const onFailed = vi.fn()
  const records = createFaultRecords({ onFailed, clock })
  records.open(of)
  return { ...records, onFailed }
}

const recordedIn = async (chain: string | undefined) =>
  (await store.audits.list(chain, { after: 0, limit: 1_000 }))
    .filter(({ action }) => action === 'integrity.fault')
    .map(({ targetId, actorId, targetKind, details }) => ({ targetId, actorId, targetKind, details }))

const recorded = () => recordedIn(tenantId)

test('a row is recorded once an hour, however often and by however many replicas it is met', async () => {
  let nowMs = 0
  const replicas = [openRecords(store, () => nowMs), openRecords(database.otherStore, () => nowMs)]
  const record = {
    ...{ targetId: `key_providers/${tenantId}/f`, actorId: 'system', targetKind: 'row' },
    details: { kind: 'keyProvider', fault: 'forged' },
  }
  for (const each of replicas) for (let met = 0; met < 5; met++) each.note(faultOf())
  await Promise.all(replicas.map((each) => each.settle()))
  expect(await recorded()).toEqual([record])
  // A replica that has started since remembers nothing, and asks the audit trail.
  const third = openRecords(store)
  third.note(faultOf())
  await third.settle()
  expect(await recorded()).toEqual([record])
  // An hour later.
  await database.query(`alter table keyhold.audits disable trigger user;
    update keyhold.audits set at = at - interval '61 minutes' where chain = '${tenantId}';
    alter table keyhold.audits enable trigger user`)
  nowMs = 3_601_000
  for (const each of replicas) each.note(faultOf())
  await Promise.all(replicas.map((each) => each.settle()))
  expect(await recorded()).toEqual([record, record])
})

slowTest('a flood fills no chain, and hides no row of another tenant', async () => {
  await insertTenant(store, `${tenantId}_neighbour`)
  const replicas = [openRecords(store), openRecords(database.otherStore)]
  for (const [index, each] of replicas.entries()) {
    for (let row = 0; row < 500; row++) each.note(faultOf({ key: `${tenantId}/${index}-${row}` }))
    each.note(faultOf({ tenantId: `${tenantId}_neighbour`, key: `${tenantId}_neighbour/f` }))
    await each.settle()
  }
  const records = await recorded()
  expect(records).toHaveLength(100)
  expect(records.at(-1)?.details).toMatchObject({ more: 'not recorded for an hour' })
  expect(records.at(-2)?.details).not.toHaveProperty('more')
  expect(await recordedIn(`${tenantId}_neighbour`)).toHaveLength(1)
})

test('what would be recorded in the chain that is faulty, and what is used, is not recorded', async () => {
  const each = openRecords(store)
  each.note(faultOf({ kind: 'auditHead', table: 'audit_heads', key: tenantId }))
  each.note(faultOf({ kind: 'audit', table: 'audits', key: `${tenantId}/1` }))
  each.note(faultOf({ used: true }))
  await each.settle()
  expect(await recorded()).toEqual([])
})

test('a row stands in the chain of its tenant, and one that is of none in that of the installation', async () => {
  const job = newKeyJob({ tenantId })
  await store.withFence(tenantId, (transaction) => transaction.keyJobs.insert(job))
  const each = openRecords(store)
  const ofNobody = `key_providers/gone_${tenantId}/f`
  each.note(
    faultOf({ kind: 'keyJobFailure', table: 'key_job_failures', key: `${job.id}/d/1`, tenantId: undefined }),
  )
  each.note(
    faultOf({ kind: 'keyJobFailure', table: 'key_job_failures', key: 'no-job/d/1', tenantId: undefined }),
  )
  each.note(faultOf({ kind: 'installation', table: 'installation', key: tenantId, tenantId: undefined }))
  each.note(faultOf({ tenantId: `gone_${tenantId}`, key: `gone_${tenantId}/f` }))
  await each.settle()
  expect((await recorded()).map(({ targetId }) => targetId)).toEqual([`key_job_failures/${job.id}/d/1`])
  expect((await recordedIn(undefined)).map(({ targetId }) => targetId)).toEqual(
    expect.arrayContaining(['key_job_failures/no-job/d/1', `installation/${tenantId}`, ofNobody]),
  )
  // Nobody gets a chain who is no tenant: the id would count as used.
  expect(await store.tenants.isRetired(`gone_${tenantId}`)).toBe(false)
})

slowTest(
  'a row that is met in a snapshot, or in a transaction that is undone, is recorded all the same',
  async () => {
    const each = openRecords(store)
    const met = (key: string) => {
      each.note(faultOf({ key }))
      return Promise.reject(new Error('undone'))
    }
    await expect(store.readSnapshot(() => met('in a snapshot'))).rejects.toThrow('undone')
    await expect(store.transaction(() => met('in a transaction'))).rejects.toThrow('undone')
    await each.settle()
    expect((await recorded()).map(({ targetId }) => targetId)).toEqual([
      'key_providers/in a snapshot',
      'key_providers/in a transaction',
    ])
  },
)

slowTest(
  'it is work of the replica, and not of the request or the transaction that met the row',
  async () => {
    const users: ConnectionUser[] = []
    const each = openRecords({
      transaction: (work) => {
        users.push(connectionUser())
        return store.transaction(work)
      },
    })
    await onShare(tenantId, false, () =>
      store.transaction(() => {
        expect(connectionUser()).toMatchObject({ share: tenantId, holdsConnection: true })
        each.note(faultOf())
        return Promise.resolve()
      }),
    )
    await each.settle()
    expect(users).toEqual([{ share: ':background', isSlow: false, holdsConnection: false }])
    expect(await recorded()).toHaveLength(1)
  },
)

slowTest(
  'a record that cannot be written is told of, and tried again when the row is met a minute later',
  async () => {
    let nowMs = 0
    const each = openRecords(store, () => nowMs)
    await store.transaction((transaction) => {
      transaction.audit({ tenantId, actor: { id: 'a' }, action: 'tenant.lock', targetId: tenantId })
      return Promise.resolve()
    })
    await database.query(`update keyhold.audit_heads set hash = sha256(hash) where chain = '${tenantId}'`)
    each.note(faultOf())
    await each.settle()
    expect(each.onFailed).toHaveBeenCalledExactlyOnceWith(
      tenantId,
      expect.objectContaining({ code: 'ERR_RECORD_NOT_AUTHENTIC' }),
    )
    each.note(faultOf())
    await each.settle()
    expect(each.onFailed).toHaveBeenCalledTimes(1)
    await database.query(`update keyhold.audit_heads h set hash = a.hash from keyhold.audits a
    where h.chain = '${tenantId}' and (a.chain, a.sequence) = (h.chain, h.sequence)`)
    nowMs = 60_000
    each.note(faultOf())
    await each.settle()
    expect(await recorded()).toHaveLength(1)
  },
)

slowTest('a replica that stops writes nothing more', async () => {
  const each = openRecords(store)
  await each.close()
  each.note(faultOf())
  await each.settle()
  expect(await recorded()).toEqual([])
})
