// The schema comes into being once, whoever starts at the same moment, and never goes back.
import { sql } from 'kysely'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrateSchema } from '../../src/store/schema/migrate-schema.ts'
import { keyJobKinds } from '../../src/store/schema/migrations/0012-key-job-kinds.ts'
import { createStore } from '../../src/store/store.ts'
import { openTestPostgres, type TestPostgres } from '../../../testkit/src/test-database.ts'
import { insertTenant, newKeyJob, tenantId } from './stored-rows.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())

const listObjects = `
  select c.oid::text, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname like 'keyhold%' order by 1`

test('twenty replicas that start at once make the schema once, and each then runs alone what else it makes', async () => {
  const connection = await postgres.createDatabase()
  let running = 0
  let runs = 0
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      await migrateSchema(postgres.open(connection, 2), async () => {
        expect(++running).toBe(1)
        await postgres.query(connection, 'create table if not exists public.made_after (id int)')
        runs++
        running--
      })
    }),
  )
  expect(runs).toBe(20)
  const files = readdirSync(path.join(import.meta.dirname, '../../src/store/schema/migrations')).toSorted()
  expect(
    await postgres.query(connection, 'select name from keyhold.schema_migrations order by name'),
  ).toEqual(files.map((file) => ({ name: path.basename(file, '.ts') })))
  const before = await postgres.query(connection, listObjects)
  await migrateSchema(postgres.open(connection), () => Promise.resolve())
  expect(await postgres.query(connection, listObjects)).toEqual(before)
})

test('no lock stays behind, whether or not what runs afterwards fails', async () => {
  const connection = await postgres.createDatabase()
  const db = postgres.open(connection, 2)
  await expect(migrateSchema(db, () => Promise.reject(new Error('later')))).rejects.toThrow('later')
  await migrateSchema(db, () => Promise.resolve())
  expect(
    await postgres.query(
      connection,
      "select count(*)::int from pg_locks join pg_database d on d.oid = database where locktype = 'advisory' and datname = current_database()",
    ),
  ).toEqual([{ count: 0 }])
})

test('an older version of Keyhold refuses a newer schema, names it, and changes nothing', async () => {
  const { connection, store } = await postgres.createStores()
  await store.tenants.insert({ id: 'kept', name: 'kept', activeTenantKeyVersion: 1 })
  await postgres.query(
    connection,
    `insert into keyhold.schema_migrations (name, timestamp) values ('0999-from-the-future', now()::text)`,
  )
  const before = await postgres.query(connection, listObjects)
  let ran = false
  const start = migrateSchema(postgres.open(connection), () => {
    ran = true
    return Promise.resolve()
  })
  await expect(start).rejects.toMatchObject({
    code: 'ERR_SCHEMA_NEWER',
    message: expect.stringContaining('0999-from-the-future') as string,
  })
  expect(ran).toBe(false)
  expect(await postgres.query(connection, listObjects)).toEqual(before)
  expect(await store.tenants.find('kept')).toMatchObject({ id: 'kept' })
})

test('of many first starts one claims the database for its root key, and all others are told which', async () => {
  const connection = await postgres.createDatabase()
  await migrateSchema(postgres.open(connection), () => Promise.resolve())
  const claims = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      createStore(postgres.open(connection, 1)).installation.claimRootKey({
        rootKeyId: `root-key-${index}`,
        keyCheckValue: Buffer.alloc(32, index),
      }),
    ),
  )
  expect(new Set(claims.map((claim) => claim.rootKeyId)).size).toBe(1)
  const db = postgres.open(connection)
  const { rows } = await sql`select 1 from keyhold.installation`.execute(db)
  expect(rows).toHaveLength(1)
})

test('key jobs that were stored under the former words keep their kinds', async () => {
  const stores = await postgres.createStores()
  const { db, store } = stores
  await insertTenant(store)
  const rotation = await store.keyJobs.insert(newKeyJob({ kind: 'rotation' }))
  await store.keyJobs.supersede(rotation.id)
  const migration = await store.keyJobs.insert(newKeyJob({ kind: 'migration' }))
  for (const statement of [
    'alter table keyhold.key_jobs drop constraint key_jobs_kind_check',
    "update keyhold.key_jobs set kind = case kind when 'migration' then 'migrate' else 'rotate' end",
    "alter table keyhold.key_jobs add constraint key_jobs_kind_check check (kind in ('migrate', 'rotate'))",
  ]) {
    await stores.query(statement)
  }

  await keyJobKinds.up(db)
  expect(await store.keyJobs.find(tenantId, rotation.id)).toMatchObject({ kind: 'rotation' })
  expect(await store.keyJobs.find(tenantId, migration.id)).toMatchObject({ kind: 'migration' })
})
