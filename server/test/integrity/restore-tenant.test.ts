// Whatever of an older tenant and of the decisions since then keeps something closed counts. Where these are not known, it is closed.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import type { FenceFacts, GuardFacts } from '../../src/store/generations/generation-facts.ts'
import type { Store } from '../../src/store/store.ts'
import { findOlder, type OlderTenant } from '../../src/wiring/commands/restore/find-older.ts'
import { restoreInstallation } from '../../src/wiring/commands/restore/restore-installation.ts'
import { restoreTenant } from '../../src/wiring/commands/restore/restore-tenant.ts'
import { restoreTenants } from '../../src/wiring/commands/restore/restore-tenants.ts'
import {
  gatherRecords,
  type GenerationRecord,
} from '../../src/installation/generations/generation-records.ts'
import { insertTenant, newCipherkey, newKeyJob } from '../store/stored-rows.ts'
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let stores: TestStores
let store: Store
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
  store = stores.store
})
afterAll(() => postgres.stop())

let id: string
let tenants = 0
beforeEach(async () => {
  id = `older-${++tenants}`
  await insertTenant(store, id)
})

const newApiKey = (tenantId: string | undefined) => {
  const key = {
    id: randomUUID().slice(0, 16),
    secretHash: Buffer.alloc(32, 1),
    role: 'service',
    name: 'one',
  } as const
  return store.transaction(({ apiKeys }) => apiKeys.insert({ ...key, tenantId }))
}
const scheduled = (dataKeyId: string) =>
  store.withFence(id, async ({ destructions }) => {
    const destruction = {
      id: randomUUID(),
      tenantId: id,
      kind: 'data-key',
      keyName: dataKeyId,
      dataKeyId,
    } as const
    return (await destructions.insert({ ...destruction, scheduledBy: 'ak_1', inDays: 7 })).id
  })
const lock = () => store.transaction(({ guards }) => guards.lock(id, 'ak_1'))
const read = async () => {
  const [fence, guard] = [await store.generations.readFence(id), await store.generations.readGuard(id)]
  if (fence === undefined || guard === undefined) throw new Error('there is no such tenant')
  return { fence, guard }
}

/** The tenant in an older database: its rows have gone on since, to these decisions. */
async function olderTenant({
  fence,
  guard,
}: {
  /** Null: the generation has risen, and nobody knows how. */
  fence?: Partial<FenceFacts> | null
  guard?: Partial<GuardFacts> | null
}): Promise<OlderTenant> {
  const now = await read()
  const records = gatherRecords()
  const add = <Facts extends object>(
    kind: 'fence' | 'guard',
    known: { generation: number; facts: Facts },
    changes: Partial<Facts> | null,
  ) => {
    const generation = known.generation + 7
    const newest = changes === null ? known : { generation, facts: { ...known.facts, ...changes } }
    records.add({ kind, tenantId: id, generation, known: newest } as unknown as GenerationRecord)
  }
  if (fence !== undefined) add('fence', now.fence, fence)
  if (guard !== undefined) add('guard', now.guard, guard)
  const [older] = (await findOlder(store, records)).tenants
  if (older === undefined) throw new Error('it is not older')
  return older
}
const restore = async (decided: Parameters<typeof olderTenant>[0]) =>
  restoreTenant(store, await olderTenant(decided))
const actions = async () =>
  (await stores.query('select action from keyhold.audits where chain = $1 order by sequence', [id])).map(
    ({ action }) => action,
  )

test('the facts of a tenant tell what ended, and what is on its way back', async () => {
  const [open, done] = [await scheduled(randomUUID()), await scheduled(randomUUID())]
  const job = newKeyJob({ tenantId: id })
  await store.withFence(id, async ({ destructions, keyJobs, tenants }) => {
    await destructions.finish(id, done, store.clock.now(), 'jws')
    await keyJobs.insert(job)
    tenants.setLiveJob(id, job.id)
  })
  const facts = { openDestructions: [open], doneDestructions: [done], liveJobId: job.id }
  expect((await read()).fence.facts).toMatchObject({ ...facts, isLiveJobCancelled: false })
  await store.withFence(id, ({ keyJobs }) => keyJobs.startAborting(job.id))
  expect((await read()).fence.facts).toMatchObject({ ...facts, isLiveJobCancelled: true })
})

test('the rows get a generation that no row of the time since has, and nothing else where nothing was decided', async () => {
  const apiKey = await newApiKey(id)
  const before = await read()
  expect(await restore({ fence: {}, guard: {} })).toEqual({
    ...{ isLocked: false, cancelledKeyJob: undefined, cancelledDestructions: [] },
    ...{ raisedMinimums: [], revokedApiKeys: [] },
  })
  const after = await read()
  expect(after.fence.generation).toBe(before.fence.generation + 7 + 2 ** 20)
  expect(after.guard.generation).toBe(before.guard.generation + 7 + 2 ** 20)
  expect(after.guard.facts.apiKeys).toEqual([apiKey.id])
  expect(after.guard.facts.apiKeyGeneration).toBeGreaterThan(before.guard.facts.apiKeyGeneration + 2 ** 19)
  expect(await actions()).toEqual(['tenant.confirm-restore'])
})

test.each<[string, Parameters<typeof olderTenant>[0]]>(
  doseOf(
    [
      ['the newest decisions about its keys are not known', { fence: null }],
      ['the newest decisions of its administrator are not known', { guard: null }],
      ['its deletion had begun', { fence: { isEnding: true } }],
      ['its id was that of another tenant since', { guard: { incarnation: randomUUID() } }],
      ['it was locked', { guard: { lockedAtMs: 1, lockedBy: 'ak_9' } }],
    ],
    2,
  ),
)('a tenant is locked where %s', async (_, decided) => {
  expect(await restore(decided)).toMatchObject({ isLocked: true })
  const by = decided.guard?.lockedBy ?? 'command'
  expect((await store.guards.find(id))?.lock).toMatchObject({ lockedBy: by })
  expect(await stores.query('select locked_by from keyhold.tenant_locks where tenant_id = $1', [id])).toEqual(
    [{ locked_by: by }],
  )
  expect(await actions()).toEqual(['tenant.lock', 'tenant.confirm-restore'])
})

slowTest('a lock of the older rows stays, and the shorter time for holding keys counts', async () => {
  await lock()
  await store.transaction(({ guards }) => guards.setKeyCacheTtlSeconds(id, 40))
  expect(
    await restore({ guard: { lockedAtMs: null, lockedBy: null, keyCacheTtlSeconds: 50 } }),
  ).toMatchObject({
    isLocked: true,
  })
  expect(await store.guards.find(id)).toMatchObject({ lock: { lockedBy: 'ak_1' }, keyCacheTtlSeconds: 40 })
  await restore({ guard: { keyCacheTtlSeconds: 30 } })
  expect(await store.guards.find(id)).toMatchObject({ keyCacheTtlSeconds: 30 })
  expect(await actions()).not.toContain('tenant.lock')
})

test('of the API keys those hold that held until the end, and none where that is not known', async () => {
  const [first, second] = [await newApiKey(id), await newApiKey(id)]
  const { apiKeyGeneration } = (await read()).guard.facts
  const newest = { apiKeyGeneration: apiKeyGeneration + 1, apiKeys: [second.id] }
  expect(await restore({ guard: newest })).toMatchObject({ revokedApiKeys: [first.id] })
  expect([...(await store.apiKeys.findAll([first.id, second.id])).keys()]).toEqual([second.id])
  expect(await actions()).toContain('apikey.delete')
  // As long as the generation of API keys has not risen, none was: also one holds that was made since the facts were read.
  expect(await restore({ guard: { apiKeys: [] } })).toMatchObject({ revokedApiKeys: [] })
  // Where only the fence is older, nobody was revoked.
  expect(await restore({ fence: {} })).toMatchObject({ revokedApiKeys: [] })
  expect((await store.apiKeys.findAll([second.id])).size).toBe(1)
  expect(await restore({ guard: null })).toMatchObject({ revokedApiKeys: [second.id] })
})

slowTest('API keys of no tenant likewise', async () => {
  const [first, second] = [await newApiKey(undefined), await newApiKey(undefined)]
  const known = await store.generations.readInstallation()
  if (known === undefined) throw new Error('there is no installation')
  const { generation, facts } = known
  const older = (record: { apiKeys: string[] } | undefined) => ({
    shown: generation,
    isOlder: true,
    record: {
      ...{ kind: 'installation' as const, tenantId: '', generation: generation + 1 },
      known: record && {
        generation: generation + 1,
        facts: { apiKeyGeneration: facts.apiKeyGeneration + 1, ...record },
      },
    },
  })
  expect(await restoreInstallation(store, 'id', older({ apiKeys: [second.id] }), {})).toEqual([first.id])
  expect([...(await store.apiKeys.findAll([first.id, second.id])).keys()]).toEqual([second.id])
  const now = await store.generations.readInstallation()
  expect(now?.generation).toBe(generation + 1 + 2 ** 20)
  // Not older: the keys stay, and the row is newer than any all the same.
  const same = { shown: now?.generation ?? 0, isOlder: false, record: undefined }
  expect(await restoreInstallation(store, 'id', same, {})).toEqual([])
  expect((await store.apiKeys.findAll([second.id])).size).toBe(1)
  expect((await store.generations.readInstallation())?.generation).toBe(same.shown + 2 ** 20)
})

test('minimum versions rise and never fall, also where only earlier ones are known', async () => {
  const [low, high, other] = [randomUUID(), randomUUID(), randomUUID()].sort()
  if (low === undefined || high === undefined || other === undefined) throw new Error('there are three')
  const minimums = async () => (await read()).fence.facts.minimumVersions
  await store.withFence(id, async ({ minimumVersions }) => {
    await minimumVersions.set(id, low, 2)
    await minimumVersions.set(id, high, 5)
  })
  const newest = { minimumVersions: { [low]: 3, [high]: 4, [other]: 2 } }
  expect(await restore({ fence: newest })).toMatchObject({ raisedMinimums: [low, other] })
  expect(await minimums()).toEqual({ [low]: 3, [high]: 5, [other]: 2 })

  // Replicas of the version before read the states of versions.
  const cipherkey = newCipherkey({ tenantId: id, dataKeyId: other })
  await store.cipherkeys.insertActive(cipherkey)
  const of = [other, cipherkey.version]
  await stores.query(
    `update keyhold.cipherkeys set state = 'decrypt-only' where data_key_id = $1 and version = $2`,
    of,
  )
  await restore({ fence: { minimumVersions: { [other]: 3 } } })
  expect(
    await stores.query('select state from keyhold.cipherkeys where data_key_id = $1 and version = $2', of),
  ).toEqual([{ state: 'retired' }])

  const known = await olderTenant({ fence: null })
  await store.withFence(id, ({ minimumVersions }) => minimumVersions.set(id, low, 1))
  known.fence.shown += 1
  expect(await restoreTenant(store, known)).toMatchObject({ raisedMinimums: [low], isLocked: true })
})

slowTest('minimum versions of the time since also count beyond the limit of them', async () => {
  const ids = Array.from({ length: 1_001 }, () => randomUUID())
  const newest = { minimumVersions: Object.fromEntries(ids.map((each) => [each, 2])) }
  expect((await restore({ fence: newest })).raisedMinimums).toHaveLength(1_001)
})

slowTest(
  'a destruction that was cancelled is, one that is open or was done stays in the schedule',
  async () => {
    const [open, done, cancelled] = [
      await scheduled(randomUUID()),
      await scheduled(randomUUID()),
      await scheduled(randomUUID()),
    ]
    const newest = { openDestructions: [open], doneDestructions: [done] }
    expect(await restore({ fence: newest })).toMatchObject({ cancelledDestructions: [cancelled] })
    expect((await store.destructions.find(cancelled))?.cancelledBy).toBe('command')
    expect((await read()).fence.facts.openDestructions.toSorted()).toEqual([open, done].sort())
    expect(await actions()).toContain('datakey.cancel-destruction')
    // Nobody knows: nothing is destroyed for it.
    const restored = await restore({ fence: null })
    expect(restored.cancelledDestructions.toSorted()).toEqual([open, done].sort())
  },
)

test.each<[string, (job: { id: string; targetFingerprint: string }) => Partial<FenceFacts> | null, boolean]>(
  doseOf(
    [
      ['was live until the end', ({ id: liveJobId }) => ({ liveJobId, isLiveJobCancelled: false }), false],
      [
        'had come to its end',
        ({ targetFingerprint }) => ({ liveJobId: null, currentFingerprint: targetFingerprint }),
        false,
      ],
      ['was on its way back', ({ id: liveJobId }) => ({ liveJobId, isLiveJobCancelled: true }), true],
      ['was back', () => ({ liveJobId: null, currentFingerprint: 'source' }), true],
      ['nobody knows about', () => null, true],
    ],
    2,
  ),
)('a key job that %s goes on, or is cancelled', async (_, newestOf, isCancelled) => {
  const job = newKeyJob({ tenantId: id })
  await store.withFence(id, async ({ keyJobs, tenants }) => {
    await keyJobs.insert(job)
    tenants.setLiveJob(id, job.id)
  })
  const restored = await restore({ fence: newestOf(job) })
  expect(restored.cancelledKeyJob).toBe(isCancelled ? job.id : undefined)
  const live = await store.keyJobs.findLive(id)
  expect([live?.phase, live?.cancelledAt !== undefined]).toEqual(
    isCancelled ? ['aborting', true] : ['prepare', false],
  )
  // Its lock does not hang on it.
  expect(restored.isLocked).toBe(newestOf(job) === null)
})

test('a tenant whose older rows are not right either stays as it is', async () => {
  const older = await olderTenant({ guard: { lockedAtMs: 1, lockedBy: 'ak_9' } })
  await stores.query('update keyhold.tenant_guards set key_cache_ttl_seconds = 33 where tenant_id = $1', [id])
  await expect(restoreTenant(store, older)).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
  expect(await actions()).toEqual([])
  expect(await stores.query('select from keyhold.tenant_locks where tenant_id = $1', [id])).toEqual([])
})

// The comparison reads without verifying: a database may show any generation then.
test.each(['fence', 'guard'] as const)(
  'a tenant whose %s shows another generation than the one that is verified stays as it is',
  async (name) => {
    const older = await olderTenant({
      fence: { isEnding: true },
      guard: { lockedAtMs: 1, lockedBy: 'ak_9' },
    })
    older[name].shown = 2 ** 50
    const before = await read()
    await expect(restoreTenant(store, older)).rejects.toMatchObject({
      code: 'ERR_RESTORE_BLOCKED',
      message: expect.stringContaining(name) as string,
    })
    expect(await read()).toEqual(before)
    expect(await actions()).toEqual([])
  },
)

slowTest('a tenant that stays as it is does not hold up the next one', async () => {
  const first = await olderTenant({ guard: { lockedAtMs: 1, lockedBy: 'ak_9' } })
  first.guard.shown = 2 ** 50
  id = `older-${++tenants}`
  await insertTenant(store, id)
  const second = await olderTenant({ guard: { lockedAtMs: 1, lockedBy: 'ak_9' } })
  const lines: string[] = []
  const say = (line: string) => lines.push(line)
  expect(
    await restoreTenants(store, [first, second], { tell: say, say, onTenant: () => Promise.resolve() }),
  ).toEqual([id])
  expect(lines).toEqual([
    expect.stringContaining(`tenant ${first.tenantId} stays refused: The guard`),
    `tenant ${id} is confirmed: is locked`,
  ])
})

slowTest("the installation's row stays as it is as well", async () => {
  const before = await store.generations.readInstallation()
  const shown = 2 ** 50
  const record = { kind: 'installation' as const, tenantId: '', generation: shown - 1, known: undefined }
  await expect(restoreInstallation(store, 'id', { shown, record, isOlder: false }, {})).rejects.toMatchObject(
    { code: 'ERR_RESTORE_BLOCKED' },
  )
  expect(await store.generations.readInstallation()).toEqual(before)
})
