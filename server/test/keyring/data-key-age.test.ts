// Automatic rotation: a name gets a new data key when its age is reached, and not once more until the next one has reached
// it, whatever the clocks of the replicas say, and even if the database's own clock jumps.
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { makeOlder } from '../../../testkit/src/database/make-older.ts'
import { createCountingKms, createKeyring, createTenant } from './keyring-under-test.ts'

const runs = process.env.SLOW === '1' ? 200 : 5
const maxAgeDays = 365
const dayMs = 86_400_000
// A store may reckon the database's clock to be some milliseconds ahead.
const maxDataKeyAgeMs = maxAgeDays * dayMs - 60_000
// The days by which the clocks of four replicas are ahead.
const aheadDays = [0, 31, 400, -400]

let postgres: TestPostgres
let database: TestStores
let stores: Store[]
const kms = createCountingKms()
beforeAll(async () => {
  postgres = await openTestPostgres()
  database = await postgres.createStores()
  stores = await Promise.all(
    aheadDays.map((days) =>
      postgres.openStore(database.connection, { wall: () => Date.now() + days * dayMs }),
    ),
  )
})
afterAll(() => postgres.stop())

interface Step {
  /** By how much the database's clock moves before the reading: time passes, or somebody sets the clock. */
  days: number
  replica: number
}

const step: fc.Arbitrary<Step> = fc.record({
  days: fc.oneof(fc.constant(0), fc.integer({ min: -800, max: 800 }), fc.constantFrom(364, 365, 366)),
  replica: fc.nat(aheadDays.length - 1),
})

let tenants = 0

test('a new version is made when the active one has reached its age, and by no other reading', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
      const tenantId = await createTenant(database.store, kms, `aged-${++tenants}`, kms.arns[0])
      // A key in memory needs no reading, so that each reads with nothing held.
      const read = async (replica: number) => {
        const store = stores[replica] ?? database.store
        const { dataKeys } = createKeyring(store, kms, { maxDataKeyAgeMs })
        return (await dataKeys.getActive(tenantId, 'default')).version
      }
      let version = await read(0)
      let ageDays = 0
      for (const { days, replica } of steps) {
        // The clock of the test's PostgreSQL cannot be set. All that was made moves into the past instead.
        const held = await createKeyring(database.store, kms).tenantKeys.get(tenantId, 1)
        if (held === undefined) throw new Error('no tenant key')
        await makeOlder(database, held.tenantKey, days * dayMs)
        ageDays += days
        if (ageDays >= maxAgeDays) {
          version += 1
          ageDays = 0
        }
        expect(await read(replica)).toBe(version)
        // However often it is read.
        expect(await read((replica + 1) % aheadDays.length)).toBe(version)
      }
    }),
    { numRuns: runs, endOnFailure: true },
  )
})
