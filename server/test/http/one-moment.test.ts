// An answer that is put together from several reads shows one moment: all its reads are in one snapshot. Otherwise it may
// say what never was so, such as that a key which is current at every moment is safe to delete. A snapshot holds a
// connection, so no KMS is asked inside it.
import { isEventRoute, routeIds, routes, type RouteId } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Handler } from '../../src/http/server/handler.ts'
import { payloadOfJws } from '../../src/http/wire/payload-of-jws.ts'
import { getKeyProviderUsage } from '../../src/providers/key-provider-usage.ts'
import { openDatabaseClock } from '../../src/store/database-clock.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { openDatabase, poolCounts, type Database } from '../../src/store/database.ts'
import { createEventHandlers, createHandlers, type HandlerNeeds } from '../../src/wiring/create-handlers.ts'
import { asAdmin, isIn, migrate, waitForKeyJob } from '../../../testkit/src/http/key-jobs.ts'
import { resign } from '../../../testkit/src/database/resign.ts'
import { openTestMacs } from '../../../testkit/src/database/test-macs.ts'
import { prepareTenant } from '../../../testkit/src/tenants/prepared-tenant.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { observeStore, type Observer } from '../model/observed-store.ts'
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
let tenant: TestTenant
let db: Database
let plainStore: Store
let keyArn: string
let params: Record<string, string>

beforeAll(async () => {
  server = await startTestServer()
  const prepared = await prepareTenant(server)
  ;({ tenant, arn: keyArn } = prepared)
  const job = await migrate(server, tenant, prepared.fingerprint)
  const destroy = '/api/v1/encryption/data-keys/one/actions/destroy'
  const scheduled = await asAdmin(server, tenant)('POST', destroy, { inDays: 7 })
  const destruction = scheduled.body as { id: string }
  params = {
    arnFingerPrint: prepared.fingerprint,
    tenantId: tenant.tenantId,
    migrationId: job.id,
    destructionId: destruction.id,
  }
  // As after a migration that has set a cipherkey aside.
  await server.query('update keyhold.key_jobs set failed = 1 where id = $1', [job.id])
  db = openDatabase(server.databaseConnection(), {
    maxConnections: 10,
    applicationName: 'test',
    onError: () => undefined,
  })
  await resign(db)
  plainStore = createStore(db, await openDatabaseClock(db), { macs: await openTestMacs(db) })
})
afterAll(async () => {
  await db.destroy()
  await server.stop()
})

/** The handlers of all routes over a store that is watched, and over KMSs that answer nothing. */
function handlersOver(observer: Observer, onKms: () => void) {
  const store = observeStore(plainStore, observer)
  const away = () => {
    onKms()
    return Promise.reject(new KeyholdError('ERR_KMS_UNREACHABLE'))
  }
  const kms = { createTenantKey: away, unwrapTenantKey: away, inspectKey: away }
  const aws = {
    ...{ ...kms, inRegion: away, resolveAlias: away, examineKey: away },
    ownPrincipal: () => Promise.resolve('arn:aws:iam::111111111111:root'),
  }
  const needs = {
    ...{
      store,
      rootKey: undefined,
      signer: {
        holdSigner: () => Promise.resolve(() => 'e30.e30.e30'),
        openRecord: (jws: string) => Promise.resolve(payloadOfJws(jws)),
        publicKeys: () => ({ keys: [] }),
      },
      checkpoints: { signNow: () => Promise.resolve({ jws: 'e30.e30.e30', head: {} }) },
      timings: { censusMs: 0, countMs: 60_000, neededMs: 60_000 },
    },
    kms: { kms, aws, kmsUsage: { flush: () => Promise.resolve() } },
    ...{ health: {}, keyring: {}, callers: { sessions: {} } },
    keyJobs: {
      startParts: { store, kms },
      budget: { threads: 1, maxRowsPerSecond: 0, timeSharePercent: 50 },
    },
  } as unknown as HandlerNeeds
  return { ...createHandlers(server.settings, needs), ...createEventHandlers(server.settings, needs) }
}

type AnyHandler = Handler<'getKeyProviderUsage'>

async function readsOf(id: RouteId, answer: (handler: AnyHandler) => Promise<unknown>): Promise<string[]> {
  const seen: string[] = []
  let isInside = false
  const handlers = handlersOver(
    (name) => {
      if (name === 'snapshot') isInside = true
      if (name === 'snapshot' || !isInside) seen.push(name)
      if (name === 'end of snapshot') isInside = false
      return Promise.resolve()
    },
    () => {
      expect([isInside, poolCounts(db).busy]).toEqual([false, 0])
    },
  )
  await answer(handlers[id] as AnyHandler)
  return seen
}

const callOf = (id: RouteId) => {
  const isOperator = (routes[id].roles as readonly string[]).includes('operator')
  const query = id === 'getKeyPolicy' ? { arn: keyArn } : isOperator ? { tenantId: tenant.tenantId } : {}
  const own = isOperator ? undefined : tenant.tenantId
  return { tenantId: own, params, query, body: {}, caller: { id: 'test' }, origin: () => ({}) } as never
}

// There is no drill, no draft and no report of a destruction yet, and no session, whose CSRF token is made in memory.
const missing: readonly string[] = ['getDrDrill', 'getDrDrillOfTenant', 'getSetup', 'getCsrfToken']

test.each(
  doseOf(
    routeIds.filter((id) => routes[id].method === 'GET' && !isEventRoute(id)),
    4,
  ),
)('%s', async (id) => {
  const reads = await readsOf(id, async (handler) => {
    const answer = await Promise.resolve(handler(callOf(id))).catch((error: unknown) => error)
    if (!missing.includes(id)) expect(answer).toMatchObject({ status: 200 })
  })
  // Very many cipherkeys are no work for one snapshot: whoever must look through them all does so page by page, after it.
  // Who counts them reads all the rest anew when that is done. Signing keys are made from the private key in memory. The head of
  // a chain is read under its lock. A policy names the external id of the tenant and the regions of a key: neither changes the other,
  // and an older row shows only outside of a snapshot. Names of API keys stand beside records for people, and decide nothing.
  const snapshots =
    {
      getKeyProviderUsage: 2,
      listAudits: 2,
      listSigningKeys: 0,
      getAuditHead: 0,
      getKeyPolicy: 2,
      getCsrfToken: 0,
    }[id as string] ?? 1
  expect(reads.filter((name) => !name.startsWith('surveys.')).length).toBe(snapshots)
})

test('each look of the event stream', async () => {
  const reads = await readsOf('watchMigration', async (handler) => {
    const watch = (await handler(callOf('watchMigration'))) as unknown as () => Promise<unknown>
    expect(await watch()).toMatchObject({ isLast: true })
  })
  // The stream begins with one read, which refuses what is not there.
  expect(reads).toEqual(['keyJobs.find', 'snapshot'])
})

test.each(['planMigration', 'runDrDrill'] as const)(
  '%s asks no KMS while it holds a snapshot',
  async (id) => {
    const [first] = await readsOf(id, async (handler) => {
      await Promise.resolve(handler(callOf(id))).catch(() => undefined)
    })
    expect(first).toBe('snapshot')
  },
)

const noObserver = () => Promise.resolve()

async function lookAt(fingerprint: string, observer: Observer, countMs = 60_000) {
  const parts = { store: observeStore(plainStore, observer), countMs }
  const usage = await getKeyProviderUsage(parts, tenant.tenantId, fingerprint)
  const [version] = usage.tenantKeys
  return {
    isCurrent: usage.provider.isCurrent,
    isSafe: usage.blockers.length === 0,
    wraps: version?.cipherkeys ?? 0,
    mayBeMore: version?.mayBeMore ?? false,
  }
}

const inUse = { isCurrent: true, isSafe: false, wraps: 3, mayBeMore: false }
const left = { isCurrent: false, isSafe: true, wraps: 0, mayBeMore: false }

// The test's own key is current. It moves away and back, each time while its usage is read: in the first snapshot, before
// the count, after it, and in the last snapshot.
test.each(doseOf([2, 'surveys.countByVersion', 'end of snapshot', 9], 2))(
  'the usage of the key to which a migration ends at read %s of it',
  async (when) => {
    const { arnFingerPrint = '' } = params
    for (const target of [tenant.tenantId, arnFingerPrint]) {
      let [looks, isDone] = [0, false]
      const seen = await lookAt(arnFingerPrint, async (name) => {
        if (!name.includes('snapshot')) looks += 1
        if (isDone || (when !== name && when !== looks)) return
        isDone = true
        await migrate(server, tenant, target)
      })
      // The usage of a key under which there is nothing has fewer reads.
      if (!isDone) await migrate(server, tenant, target)
      // As it was at some moment, and as a whole: at none was it safe while it was current, or current without cipherkeys.
      expect([inUse, left]).toContainEqual(seen)
    }
    expect(await lookAt(arnFingerPrint, noObserver)).toEqual(inUse)
  },
)

slowTest('a rotation that ends between the count and the last look: it is counted anew', async () => {
  const { arnFingerPrint = '' } = params
  let snapshots = 0
  const seen = await lookAt(arnFingerPrint, async (name) => {
    if (name !== 'snapshot' || ++snapshots !== 2) return
    const rotate = '/api/v1/encryption/tenant-key/actions/rotate'
    const { body } = await asAdmin(server, tenant)('POST', rotate)
    await waitForKeyJob(server, tenant, (body as { id: string }).id, isIn('done'))
  })
  expect([snapshots, seen]).toEqual([3, inUse])
})

test('a count that takes too long makes no key look safe', async () => {
  const { arnFingerPrint = '' } = params
  expect(await lookAt(arnFingerPrint, noObserver, 0)).toEqual({ ...inUse, wraps: 0, mayBeMore: true })
  const { status, body } = await asAdmin(server, tenant)(
    'GET',
    `/api/v1/encryption/keyproviders/${arnFingerPrint}/usage`,
  )
  expect([status, JSON.stringify(body).includes('mayBeMore')]).toEqual([200, false])
})
