// The verification of a million cipherkeys gives way and is taken up again: each is opened once, and the digest is the same as
// in one go.
import { generateKey, keyCheckValue, wrapDataKey } from '@keyhold/core'
import { sql } from 'kysely'
import { createHash, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { noFailpoint } from '../../src/migration/engine/failpoint.ts'
import type { LeaderParts } from '../../src/migration/engine/migration-parts.ts'
import { openAll } from '../../src/migration/phases/open-cipherkeys.ts'
import {
  beginVerification,
  resumeVerification,
  type OngoingVerification,
} from '../../src/migration/phases/ongoing-verification.ts'
import { createRewrapThreads } from '../../src/migration/engine/rewrap-threads.ts'
import { valueOf } from '../../src/store/json-column.ts'
import type { VerificationPosition } from '../../src/store/key-jobs/key-job-json.ts'
import type { LedKeyJob } from '../../src/store/key-jobs/key-jobs.ts'
import type { Store } from '../../src/store/store.ts'
import { insertTenant, newCipherkey, newKeyJob, tenantId } from '../store/stored-rows.ts'
import { alone } from '../../../testkit/src/database/alone.ts'
import { resign } from '../../../testkit/src/database/resign.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const rows = 47
const rowsPerTurn = 5
const leaderId = randomUUID()
const tenantKey = { tenantId, id: randomUUID(), version: 1, format: 2, key: generateKey() } as const
const threads = createRewrapThreads(2)

let postgres: TestPostgres
let database: TestStores
let store: Store
let job: LedKeyJob
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(async () => {
  await threads.close()
  await postgres.stop()
})
beforeEach(async () => {
  database = await postgres.createStores()
  store = database.store
  await insertTenant(store)
  for (let index = 0; index < rows; index++) await insertCipherkey(randomUUID())
  const { id } = await alone(store, tenantId).keyJobs.insert(newKeyJob())
  job = await lead(id)
  await store.keyJobs.advance(job, leaderId, { phase: 'verify', targetVersion: 1 })
  job = await lead()
})

async function insertCipherkey(id: string): Promise<void> {
  const dataKey = { tenantId, id, version: 1, key: generateKey() }
  const row = newCipherkey({ dataKeyId: id, keyCheckValue: keyCheckValue(dataKey) })
  await store.cipherkeys.insertActive({ ...row, wrapped: wrapDataKey(tenantKey, dataKey, row) })
}

/** As the run does that leads it next. */
async function lead(id = job.id): Promise<LedKeyJob> {
  const led = await store.keyJobs.takeLead(id, leaderId, 60)
  if (led === undefined) throw new Error('the key job is gone')
  return led
}

/** A run that has to give way after so many looks, and what it opened. */
function run(looks: number, signal = new AbortController().signal, onTurn = () => Promise.resolve()) {
  let isBegun = false
  let isOver = false
  let opened = 0
  const parts = {
    store,
    leaderId,
    signal,
    failpoint: noFailpoint,
    threads: {
      ...threads,
      findUnreadable(...order: Parameters<typeof threads.findUnreadable>) {
        opened += 1
        return threads.findUnreadable(...order)
      },
    },
    stint: {
      begin: () => {
        isBegun = true
      },
      look: () => {
        if (!isBegun) throw new Error('what comes before the work must not count')
        isOver = looks-- <= 0
        return Promise.resolve()
      },
      get isOver() {
        return isOver
      },
    },
    pacer: {
      turn: async () => {
        await onTurn()
        return { rows: rowsPerTurn, done: () => undefined }
      },
      depth: () => 3,
    },
  } as Partial<LeaderParts> as LeaderParts
  return { parts, chunksOpened: () => opened }
}

async function resume(parts: LeaderParts): Promise<OngoingVerification | undefined> {
  job = await lead()
  return resumeVerification(parts, job)
}

async function openVerification(parts: LeaderParts): Promise<OngoingVerification> {
  return (await resume(parts)) ?? beginVerification(parts, job)
}

/** As the documentation says how to compute it. */
async function digestOfAll(): Promise<string> {
  const all = await database.db
    .selectFrom('cipherkeys')
    .select(['data_key_id', 'version', 'key_check_value'])
    .orderBy('data_key_id')
    .execute()
  const hash = createHash('sha256')
  for (const row of all) {
    const version = Buffer.alloc(4)
    version.writeUInt32BE(row.version)
    hash.update(Buffer.from(row.data_key_id.replaceAll('-', ''), 'hex'))
    hash.update(version).update(row.key_check_value)
  }
  return hash.digest('hex')
}

const chunks = Math.ceil(rows / rowsPerTurn)

test.each(doseOf([1, 2, 3], 2))(
  'giving way after %i chunks each time, no chunk is opened twice',
  async (looks) => {
    let opened = 0
    for (let leads = 1; ; leads++) {
      const { parts, chunksOpened } = run(looks)
      const ongoing = await openVerification(parts)
      const isWhole = await openAll(parts, job, ongoing, tenantKey)
      opened += chunksOpened()
      if (isWhole) {
        expect(ongoing.rows).toBe(rows)
        expect(ongoing.digest.end()).toBe(await digestOfAll())
        expect(opened).toBe(chunks)
        // The last look finds that nothing is left.
        expect(leads).toBe(Math.floor(chunks / looks) + 1)
        return
      }
      const { verified, verifiedTo } = await lead()
      expect([verified, verifiedTo]).toEqual([Math.min(rows, leads * looks * rowsPerTurn), expect.anything()])
    }
  },
)

test('what is found before it gives way is set aside, and the rest of the verification is done all the same', async () => {
  const positions = await store.cipherkeyChunks.next(tenantId, undefined, { limit: rowsPerTurn + 1 })
  const bad = positions?.last
  if (bad === undefined) throw new Error('a cipherkey was expected')
  await database.db
    .updateTable('cipherkeys')
    .set({ wrapped: Buffer.alloc(104) })
    .where('data_key_id', '=', bad.dataKeyId)
    .execute()
  for (const looks of [4, Number.POSITIVE_INFINITY]) {
    const { parts } = run(looks)
    const ongoing = await openVerification(parts)
    expect(await openAll(parts, job, ongoing, tenantKey)).toBe(looks > 4)
    expect(await store.keyJobFailures.list(tenantId, job.id, 10)).toMatchObject([bad])
    if (looks > 4) expect([ongoing.rows, ongoing.digest.end()]).toEqual([rows, await digestOfAll()])
  }
})

slowTest('what is stored in the middle has nothing in it that is only read, and not opened', async () => {
  const first = await store.cipherkeyChunks.next(tenantId, undefined, { limit: rowsPerTurn })
  if (first === undefined) throw new Error('cipherkeys were expected')
  await database.db
    .updateTable('cipherkeys')
    .set({ wrapped: Buffer.alloc(104) })
    .where('data_key_id', '=', first.last.dataKeyId)
    .execute()
  const dying = new AbortController()
  let turns = 0
  // Three chunks are at work when the first one's damage is stored; the run dies before any other is settled.
  const { parts } = run(Number.POSITIVE_INFINITY, dying.signal, () => {
    if (++turns === 4) dying.abort()
    return Promise.resolve()
  })
  expect(await openAll(parts, job, await openVerification(parts), tenantKey)).toBe(false)
  expect(turns).toBe(4)
  expect(await resume(parts)).toMatchObject({ rows: rowsPerTurn, after: first.last })

  const { parts: next } = run(Number.POSITIVE_INFINITY)
  const ongoing = await openVerification(next)
  expect([await openAll(next, job, ongoing, tenantKey), ongoing.rows]).toEqual([true, rows])
  expect(ongoing.digest.end()).toBe(await digestOfAll())
})

slowTest(
  'a tenant that makes data keys faster than they are opened does not keep it from its end',
  async () => {
    let turns = 0
    const { parts } = run(Number.POSITIVE_INFINITY, undefined, async () => {
      if (++turns > 2 * chunks) throw new Error('it goes on and on')
      // After all the others, as ids that begin with the time are.
      for (let made = 0; made < rowsPerTurn; made++)
        await insertCipherkey(
          `ffffffff-ffff-7fff-bfff-${String(turns * rowsPerTurn + made).padStart(12, '0')}`,
        )
    })
    const ongoing = await openVerification(parts)
    expect(await openAll(parts, job, ongoing, tenantKey)).toBe(true)
    expect(ongoing.rows).toBeGreaterThanOrEqual(rows)
  },
)

slowTest('a tenant without cipherkeys is proven at once', async () => {
  await database.db.deleteFrom('cipherkeys').execute()
  const { parts } = run(1)
  const ongoing = await openVerification(parts)
  expect([await openAll(parts, job, ongoing, tenantKey), ongoing.rows]).toEqual([true, 0])
  expect(ongoing.digest.end()).toBe(await digestOfAll())
})

slowTest('whoever stops answers that it has not reached the end', async () => {
  const stopping = new AbortController()
  stopping.abort()
  const { parts } = run(100, stopping.signal)
  expect(await openAll(parts, job, await openVerification(parts), tenantKey)).toBe(false)
})

slowTest('whoever gets no leave for a chunk has not reached the end either', async () => {
  const { parts } = run(100)
  const pacer = { ...parts.pacer, turn: () => Promise.resolve(undefined) }
  expect(await openAll({ ...parts, pacer }, job, await openVerification(parts), tenantKey)).toBe(false)
})

slowTest(
  'cipherkeys that the same step copied before it verifies do not keep the verification from being resumed',
  async () => {
    const { parts } = run(2)
    await store.keyJobs.advance(job, leaderId, { copiedMore: 5 })
    await openAll(parts, job, await openVerification(parts), tenantKey)
    expect(await resume(parts)).toMatchObject({ rows: 2 * rowsPerTurn })
  },
)

describe('a verification begins anew', () => {
  const change = async (changes: Partial<VerificationPosition>) => {
    const verifiedTo = valueOf((await lead()).verifiedTo)
    if (verifiedTo === undefined) throw new Error('a position was expected')
    await store.keyJobs.advance(job, leaderId, { verifiedTo: { ...verifiedTo, ...changes } })
  }
  const forge = (member: string, value: string) =>
    sql`update keyhold.key_jobs set verified_to = jsonb_set(verified_to, ${`{${member}}`}, ${value}::jsonb)`.execute(
      database.db,
    )

  test.each<[string, () => Promise<unknown>]>([
    ['whose digest cannot be taken up', () => change({ digestState: 'AAAA' })],
    ['whose stored position is damaged', () => forge('rows', '"many"')],
    ['whose position somebody else has moved on', () => forge('after', `{"dataKeyId":"f","version":1}`)],
    ['whose digest somebody else has made up', () => forge('digestState', '"AAAA"')],
    ['of another version', () => change({ tenantKeyVersion: 2 })],
    [
      'from before something was copied',
      async () => {
        await sql`update keyhold.key_jobs set copied = 1`.execute(database.db)
        await resign(database.db)
      },
    ],
    ['that lay for an hour', () => change({ savedAt: new Date(Date.now() - 3_600_001).toISOString() })],
  ])('%s', async (_, happens) => {
    const { parts } = run(2)
    await openAll(parts, job, await openVerification(parts), tenantKey)
    expect(await resume(parts)).toMatchObject({ rows: 2 * rowsPerTurn })
    await happens()
    expect(await resume(parts)).toBeUndefined()
  })
})
