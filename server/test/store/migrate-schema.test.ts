// The schema comes into being once, whoever starts at the same moment, and never goes back.
import { sql } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import { randomUUID } from 'node:crypto'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrateSchema } from '../../src/store/schema/migrate-schema.ts'
import { keyJobKinds } from '../../src/store/schema/migrations/0001-to-0013/0012-key-job-kinds.ts'
import { openTestPostgres, type TestPostgres } from '../../../testkit/src/database/test-database.ts'
import { insertTenant, newKeyJob, tenantId } from './stored-rows.ts'
import { resign } from '../../../testkit/src/database/resign.ts'
import { alone } from '../../../testkit/src/database/alone.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())

const listObjects = `
  select c.oid::text, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname like 'keyhold%' order by 1`

function migrationFiles(): string[] {
  const folder = path.join(import.meta.dirname, '../../src/store/schema/migrations')
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => path.join(folder, file))
}

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
  const files = migrationFiles()
    .map((file) => path.basename(file))
    .toSorted()
  expect(
    await postgres.query(connection, 'select name from keyhold.schema_migrations order by name'),
  ).toEqual(files.map((file) => ({ name: path.basename(file, '.ts') })))
  const before = await postgres.query(connection, listObjects)
  await migrateSchema(postgres.open(connection), () => Promise.resolve())
  expect(await postgres.query(connection, listObjects)).toEqual(before)
})

test('a start that finds nothing missing asks four things, however many tables there are', async () => {
  const { db } = await postgres.createStores()
  let asked = 0
  const counted = db.withPlugin({
    transformQuery({ node }) {
      asked += 1
      return node
    },
    transformResult: ({ result }) => Promise.resolve(result),
  })
  await migrateSchema(counted, () => Promise.resolve())
  expect(asked).toBe(4)
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
  await alone(store, 'kept').tenants.insert({ id: 'kept', name: 'kept', activeTenantKeyVersion: 1 })
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
  const stores = await Promise.all(Array.from({ length: 10 }, () => postgres.openStore(connection)))
  const claims = await Promise.all(
    stores.map(({ installation }, index) =>
      installation.claimRootKey({
        installationId: randomUUID(),
        rootKeyId: `root-key-${index}`,
        keyCheckValue: Buffer.alloc(32, index),
      }),
    ),
  )
  expect(new Set(claims.map((claim) => `${claim.installationId} ${claim.rootKeyId}`)).size).toBe(1)
  const db = postgres.open(connection)
  const { rows } = await sql`select 1 from keyhold.installation`.execute(db)
  expect(rows).toHaveLength(1)
})

slowTest('key jobs that were stored under the former words keep their kinds', async () => {
  const stores = await postgres.createStores()
  const { db, store } = stores
  await insertTenant(store)
  const rotation = await alone(store, tenantId).keyJobs.insert(newKeyJob({ kind: 'rotation' }))
  await alone(store, tenantId).keyJobs.end(rotation.id)
  const migration = await alone(store, tenantId).keyJobs.insert(newKeyJob({ kind: 'migration' }))
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

slowTest('cipherkeys that were stored in one table are in the partitions, each as it was', async () => {
  const connection = await postgres.createDatabase()
  const db = postgres.open(connection)
  await sql`create schema keyhold`.execute(db)
  const { error } = await new Migrator({
    db,
    migrationTableSchema: 'keyhold',
    migrationTableName: 'schema_migrations',
    migrationLockTableName: 'schema_migrations_lock',
    provider: {
      async getMigrations() {
        const before = migrationFiles().filter((file) => path.basename(file) < '0014')
        const modules = before.map(async (file) => {
          const module = (await import(file)) as Record<string, Migration>
          return [path.basename(file, '.ts'), Object.values(module)[0]] as const
        })
        return Object.fromEntries(await Promise.all(modules)) as Record<string, Migration>
      },
    },
  }).migrateToLatest()
  expect(error).toBeUndefined()
  const run = (statement: string) => postgres.query(connection, statement)
  await run(`insert into keyhold.tenants (id, name, epoch, active_tenant_key_version)
    select 'tenant-' || n, 'n', n, 2 from generate_series(1, 5) n`)
  await run(`insert into keyhold.tenant_keys (tenant_id, version, id, state, key_arn, wrapped, key_check_value)
    select t.id, v, gen_random_uuid(), case v when 2 then 'active' else 'decrypt-only' end, 'arn', '\\x00',
      decode(repeat('00', 32), 'hex') from keyhold.tenants t, generate_series(1, 2) v`)
  // More than one page, and rows under closed versions and of every state.
  await run(`insert into keyhold.cipherkeys
    select t.id, gen_random_uuid(), 1 + n % 2, case when n % 3 = 0 then 'name-' || n end,
      case n % 4 when 0 then 'active' when 1 then 'retired' else 'decrypt-only' end, 1 + n % 2,
      sha256(n::text::bytea), sha256(t.id::bytea), now() - make_interval(secs => n)
    from keyhold.tenants t, generate_series(1, 5000) n`)
  // Rows of the other tables that the upgrade changes, or that hang on what it changes.
  for (const statement of [
    `insert into keyhold.key_providers (tenant_id, fingerprint, kms, key_arn, name)
      select id, 'aws-' || id, 'aws', 'arn:aws:kms:eu-west-1:1:key/' || id, 'n' from keyhold.tenants`,
    `insert into keyhold.key_probes (tenant_id, fingerprint, due_at)
      select tenant_id, fingerprint, now() from keyhold.key_providers`,
    `insert into keyhold.key_jobs (id, tenant_id, kind, phase, source_fingerprint, source_key_arn, source_version,
        target_fingerprint, target_key_arn, epoch)
      select gen_random_uuid(), id, 'migration', phase, 'a', 'a', 1, 'b', 'b', 1
      from keyhold.tenants, unnest(array['copy', 'done']) phase`,
    `insert into keyhold.key_job_failures (key_job_id, data_key_id, version, code, tenant_key_version, accepted_at, accepted_by)
      select id, gen_random_uuid(), 1, 'ERR_KEY_INTEGRITY', case phase when 'done' then 1 end, now(), 'ak' from keyhold.key_jobs`,
    `insert into keyhold.destructions (id, tenant_id, kind, key_name, data_key_id, scheduled_by, due_at)
      select gen_random_uuid(), id, kind, case kind when 'data-key' then 'name' end,
        case kind when 'data-key' then gen_random_uuid() end, 'ak', now()
      from keyhold.tenants, unnest(array['tenant', 'data-key']) kind`,
    `insert into keyhold.api_keys (id, secret_hash, role, tenant_id, name)
      select 'ak-' || id, sha256('x'), 'tenant-admin', id, 'n' from keyhold.tenants`,
    `insert into keyhold.tenant_locks (tenant_id, locked_by) select id, 'ak' from keyhold.tenants`,
  ])
    await run(statement)
  const others = [
    'key_providers',
    'key_probes',
    'key_jobs',
    'key_job_failures',
    'destructions',
    'api_keys',
    'tenant_locks',
  ]
  const countOthers = () =>
    run(
      `select ${others.map((table) => `(select count(*)::int from keyhold.${table}) as ${table}`).join(', ')}`,
    )
  const othersBefore = await countOthers()
  const all = `select tenant_id, count(*)::int,
    md5(string_agg(c::text, '' order by data_key_id, version)) as rows from keyhold.cipherkeys c group by 1 order by 1`
  const before = await run(all)
  expect(before).toHaveLength(5)

  await migrateSchema(postgres.open(connection), () => Promise.resolve())
  expect(await run(all)).toEqual(before)
  expect(await countOthers()).toEqual(othersBefore)
  const [partition] =
    await run(`select count(*)::int, count(*) filter (where reloptions @> '{fillfactor=50}')::int
    as half_free from pg_class where relname ~ '^cipherkeys_p\\d\\d$'`)
  expect(partition).toEqual({ count: 64, half_free: 64 })
  expect(await run("select to_regclass('keyhold.cipherkeys_in_one') as old")).toEqual([{ old: null }])
  await resign(postgres.open(connection))
  const store = await postgres.openStore(connection)
  expect(await store.tenants.findFence('tenant-3')).toMatchObject({ epoch: 3, activeTenantKeyVersion: 2 })
})
