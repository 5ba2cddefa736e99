// Two and more that want something of the same tenant at the same moment, in every order of their steps: one wins where
// one must, nothing is lost, and whoever reads meanwhile is served.
import type { ErrorCode } from '@keyhold/core'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { cancelMigration } from '../../src/migration/cancel-migration.ts'
import { runMigration, type PausedKeyJob } from '../../src/migration/engine/run-migration.ts'
import { startMigration } from '../../src/migration/start-migration.ts'
import { startRotation } from '../../src/migration/start-rotation.ts'
import type { KeyJobRow } from '../../src/store/key-jobs/key-jobs.ts'
import { systemActor } from '../../src/store/audits.ts'
import { findAuditFaults } from '../audit/find-audit-faults.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { checkRows, checkValues } from './check-tenant.ts'
import { prepare } from './commands.ts'
import { Model, type Kek } from './model.ts'
import type { Replica } from './replica.ts'
import { kekOf } from './revocable-kms.ts'
import { perform, timing } from './stage.ts'
import { fingerprintOf, refusalOf, TenantUnderTest } from './tenant-under-test.ts'

// `npm run check:slow` runs more.
const numRuns = process.env.SLOW === '1' ? 200 : 1

const testTimeoutMs = 60_000 + 2_000 * numRuns

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
})
afterAll(() => postgres.stop())
// Of whatever was done, and of nothing else, there is one record.
afterEach(async () => {
  expect(await findAuditFaults((statement) => stores.query(statement))).toEqual([])
})

/** The act of one of several parties, and the code of its refusal. */
type Act = (scene: Scene) => Promise<ErrorCode | undefined>

interface Scene {
  tenant: TenantUnderTest
  model: Model
  step: (label: string) => Promise<void>
  /** A replica of its own, on the first or the second pool. */
  createReplica: (name: string) => Replica
}

/** Steps are those of the engine and the beginnings of transactions; of who reads, all queries. */
function createScene(
  tenant: TenantUnderTest,
  model: Model,
  { step, isOther }: { step: Scene['step']; isOther: boolean },
): Scene {
  return {
    tenant,
    model,
    step,
    createReplica: (name) =>
      tenant.createReplica(
        {
          failpoint: (failpoint) => step(`${name}: ${failpoint}`),
          observer: async (query) => {
            if (query === 'begin' || name === 'reader') await step(`${name}: ${query}`)
          },
        },
        isOther ? stores.otherStore : stores.store,
      ),
  }
}

// Stopped for longer than its lease, again and again: the other one takes the lead whenever it is this one's turn.
const leads: Act = async ({ tenant, step, createReplica }) => {
  const replica = createReplica('leader')
  const { signal } = new AbortController()
  for (let lead = 0; lead < 3; lead++) {
    await step('leader: takes the lead')
    const live = await tenant.findLiveJob()
    if (live === undefined) continue
    await tenant.expireLease()
    await runMigration(replica.migration, live.id, { signal, onPause: refusePause })
  }
  return undefined
}

function refusePause({ phase }: PausedKeyJob, error: unknown): void {
  throw new Error(`paused in ${phase ?? 'no phase'}, where nothing is wrong`, { cause: error })
}

const migrates =
  (target: Kek): Act =>
  ({ tenant, createReplica }) =>
    refusalOf(
      startMigration(
        createReplica(`migrate ${target}`).start,
        tenant.tenantId,
        fingerprintOf(target, tenant.tenantId),
        systemActor,
      ),
    )

const rotates: Act = ({ tenant, createReplica }) =>
  refusalOf(startRotation(createReplica('rotate').start, tenant.tenantId, systemActor))

const cancels: Act = async ({ tenant, createReplica }) => {
  const { start } = createReplica('cancel')
  const [last] = await tenant.store.keyJobs.list(tenant.tenantId, 1)
  return refusalOf(cancelMigration(start, tenant.tenantId, last?.id ?? '', systemActor))
}

const encrypts =
  (keyName: string): Act =>
  ({ tenant, model, createReplica }) =>
    refusalOf(
      tenant.encrypt(keyName, keyName, createReplica(`encrypt ${keyName}`)).then((token) => {
        model.values.push({ keyName, token, plaintext: keyName })
        model.names.set(keyName, new Set())
      }),
    )

const reads: Act = async ({ tenant, model, createReplica }) => {
  const replica = createReplica('reader')
  for (let round = 0; round < 2; round++) {
    for (const { token, plaintext } of model.values.slice(0, 2)) {
      expect(await tenant.decrypt(token, replica)).toBe(plaintext)
    }
  }
  return undefined
}

interface Case {
  name: string
  /** Done before, one after the other, undisturbed. */
  before: Act[]
  parties: Act[]
  /** The answers that the parties got, and the key jobs in the end, from the oldest to the newest. */
  check: (refusals: (ErrorCode | undefined)[], jobs: KeyJobRow[]) => void
}

const phases = (jobs: KeyJobRow[]) => jobs.map(({ kind, phase }) => `${kind} ${phase}`)

const cases: Case[] = [
  {
    name: 'two leaders of one migration',
    before: [migrates('a')],
    parties: [leads, leads, reads],
    check: (refusals, jobs) => {
      expect(refusals).toEqual([undefined, undefined, undefined])
      expect(phases(jobs)).toEqual(['migration done'])
    },
  },
  {
    name: 'two migrations',
    before: [],
    parties: [migrates('a'), migrates('b'), leads],
    check: ([a, b], jobs) => {
      // The second one may come after the end of the first.
      const isOne = jobs.length === 1
      expect([a, b].filter((code) => code === 'ERR_MIGRATION_RUNNING')).toHaveLength(isOne ? 1 : 0)
      expect([a, b].filter((code) => code === undefined)).toHaveLength(jobs.length)
      expect(new Set(phases(jobs))).toEqual(new Set(['migration done']))
    },
  },
  {
    name: 'cancelling and the cutover',
    before: [migrates('a')],
    parties: [leads, cancels, reads],
    check: ([, cancelled], jobs) => {
      if (cancelled !== undefined) expect(cancelled).toBe('ERR_MIGRATION_ENDED')
      expect(phases(jobs)).toEqual([cancelled === undefined ? 'migration aborted' : 'migration done'])
    },
  },
  {
    name: 'cancelling twice, with two leaders',
    before: [migrates('a')],
    parties: [leads, leads, cancels, cancels],
    check: ([, , one, other], jobs) => {
      expect(other).toBe(one)
      expect(phases(jobs)).toEqual([one === undefined ? 'migration aborted' : 'migration done'])
    },
  },
  {
    name: 'new key names and dual',
    before: [migrates('a')],
    parties: [leads, encrypts('four'), encrypts('four'), encrypts('five'), reads],
    check: (refusals, jobs) => {
      expect(new Set(refusals)).toEqual(new Set([undefined]))
      expect(phases(jobs)).toEqual(['migration done'])
    },
  },
  {
    name: 'new key names and cancelling',
    before: [migrates('a')],
    parties: [leads, cancels, encrypts('four'), encrypts('five')],
    check: ([, cancelled, ...encrypted], jobs) => {
      expect(encrypted).toEqual([undefined, undefined])
      expect(phases(jobs)).toEqual([cancelled === undefined ? 'migration aborted' : 'migration done'])
    },
  },
  {
    name: 'a rotation under way and a migration',
    before: [rotates],
    parties: [leads, migrates('a'), leads, reads],
    check: ([, migrated], jobs) => {
      expect(migrated).toBeUndefined()
      // Those of one millisecond come in any order.
      const [rotation, ...others] = phases(jobs).sort().reverse()
      // Superseded, or ended before.
      expect(['rotation aborted', 'rotation done']).toContain(rotation)
      expect(others).toEqual(['migration done'])
    },
  },
  {
    name: 'a rotation, a migration and a cancellation',
    before: [rotates],
    parties: [leads, migrates('a'), cancels, encrypts('four')],
    check: ([, migrated, , encrypted], jobs) => {
      expect([migrated, encrypted]).toEqual([undefined, undefined])
      expect(jobs).toHaveLength(2)
    },
  },
]

test.each(cases)(
  '$name',
  async ({ before, parties, check }) => {
    const timings = fc.tuple(...parties.map(() => timing))
    const retention = fc.constantFrom(0, 30)
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        timings,
        retention,
        async (scheduler, timingOf, backupRetentionDays) => {
          const settings = { ttlMs: 0, backupRetentionDays }
          const tenant = await new TenantUnderTest(stores.db, stores.store, settings).create()
          const model = new Model()
          await prepare(model, tenant, ['a', 'b'])
          const alone = createScene(tenant, model, { step: () => Promise.resolve(), isOther: false })
          for (const act of before) expect(await act(alone)).toBeUndefined()

          const outcomes = await perform(
            scheduler,
            timingOf.map((timing, index) => ({
              timing,
              act: async (step) =>
                parties[index]?.(createScene(tenant, model, { step, isOther: index % 2 === 1 })),
            })),
          )
          expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([])
          await tenant.letJobsRun()
          const jobs = (await tenant.store.keyJobs.list(tenant.tenantId, 10)).reverse()
          check(
            outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : undefined)),
            jobs,
          )
          // Which of them won is for the case to check; the tenant is where the last one that was completed has brought it.
          const last = jobs.findLast(({ phase }) => phase === 'done')
          model.current = last === undefined ? 'root' : kekOf(last.targetKeyArn)
          for (const name of model.names.keys()) model.names.set(name, new Set([model.current]))
          await checkValues(model, tenant, await checkRows(model, tenant))
        },
      ),
      // Shrinking would take longer than it helps: the schedule is printed as it was.
      { numRuns, endOnFailure: true },
    )
  },
  testTimeoutMs,
)
