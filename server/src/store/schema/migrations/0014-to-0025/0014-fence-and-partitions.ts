// The fence as a lock of its own, cipherkeys in 64 partitions, and deletions of tenants in steps. No release had the row
// as the fence: the column of the epoch has another name from here on, so that a replica that knows the row alone fails
// at the fence, and never writes beside those that take the lock.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

// A page of this size is copied in about half a second, far below the time limit of statements.
const pageRows = 20_000

// "keyhold" in ASCII. Other programs in the same database hash names of their own into the same space of locks.
const fenceSeed = 0x6b6579686f6c64n

// With an older snapshot the epoch that is read after the wait would be the one from before it.
const refuseOldSnapshots = sql.raw(`
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'the fence needs a transaction at the level read committed'
      using errcode = 'invalid_transaction_state';
  end if;`)
const fenceLock = sql.raw(`hashtextextended(tenant, ${fenceSeed})`)

const fence = [
  sql`alter table keyhold.tenants rename column epoch to fence_epoch`,
  // A tenant whose deletion has begun: it has no fence any more, and its keys are gone.
  sql`alter table keyhold.tenants add column ending_at timestamptz`,

  // Volatile and not inlined: the row is read by a statement of its own, with a snapshot that is newer than the lock.
  // A lock and a read in one statement answer the epoch from before the wait.
  sql`create function keyhold.fence_alone(tenant text)
    returns table (epoch bigint, active_tenant_key_version integer) language plpgsql volatile as $$
    begin ${refuseOldSnapshots}
      perform pg_advisory_xact_lock(${fenceLock});
      return query select t.fence_epoch, t.active_tenant_key_version
        from keyhold.tenants t where t.id = tenant and t.ending_at is null;
    end $$`,
  sql`create function keyhold.try_fence_shared(tenant text)
    returns table (granted boolean, epoch bigint, active_tenant_key_version integer)
    language plpgsql volatile as $$
    begin ${refuseOldSnapshots}
      if not pg_try_advisory_xact_lock_shared(${fenceLock}) then
        return query select false, null::bigint, null::integer;
        return;
      end if;
      return query select true, t.fence_epoch, t.active_tenant_key_version
        from (select) as one left join keyhold.tenants t on t.id = tenant and t.ending_at is null;
    end $$`,
]

// Hash partitions spread the tenants, so that vacuum, and a look through one tenant, meet a part of the table. No index
// names tenant_key_version or wrapped, and half of each page stays free: so rewrapping a row is an update in place (HOT)
// that touches no index. The parent cannot have a fillfactor: a partition that is added later needs it too.
const partitions = [
  sql`lock table keyhold.cipherkeys in access exclusive mode`,
  sql`alter table keyhold.cipherkeys rename to cipherkeys_in_one`,
  sql`alter index keyhold.cipherkeys_pkey rename to cipherkeys_in_one_pkey`,
  sql`alter index keyhold.cipherkeys_one_active rename to cipherkeys_in_one_one_active`,
  sql`create table keyhold.cipherkeys (
    tenant_id text collate "C" not null,
    data_key_id uuid not null,
    version integer not null check (version >= 1),
    key_name text collate "C",
    state text not null check (state in ('active', 'decrypt-only', 'retired')),
    tenant_key_version integer not null,
    wrapped bytea not null,
    key_check_value bytea not null check (length(key_check_value) = 32),
    created_at timestamptz not null default now(),
    primary key (tenant_id, data_key_id, version)
  ) partition by hash (tenant_id)`,
  sql`do $$ begin
    for number in 0..63 loop
      execute format('create table keyhold.cipherkeys_p%s partition of keyhold.cipherkeys
        for values with (modulus 64, remainder %s) with (fillfactor = 50)', lpad(number::text, 2, '0'), number);
    end loop;
  end $$`,
  sql`create unique index cipherkeys_one_active on keyhold.cipherkeys (tenant_id, key_name)
    where state = 'active' and key_name is not null`,
]

// They stand in the place of a foreign key, which would lock the version's row for every new cipherkey, and would accept
// a version that is closed. They read without a lock, so they are a net under the fence and do not replace it. Rows that
// are under a closed version may change otherwise: a data key ends, a failure is accepted.
const isClosed = sql.raw(`(
  select k.state from keyhold.tenant_keys k
  where k.tenant_id = n.tenant_id and k.version = n.tenant_key_version
) is distinct from 'active'`)
const refuse = sql.raw(`
  raise exception 'tenant key version % of tenant % is not active: no cipherkey comes under it',
    refused.tenant_key_version, refused.tenant_id
    using errcode = 'check_violation', constraint = 'cipherkeys_under_active';`)
const guards = [
  sql`create function keyhold.guard_new_cipherkeys() returns trigger language plpgsql as $$
    declare refused record;
    begin
      select n.tenant_id, n.tenant_key_version into refused
      from (select distinct tenant_id, tenant_key_version from new_rows) n where ${isClosed} limit 1;
      if found then ${refuse} end if;
      return null;
    end $$`,
  sql`create trigger cipherkeys_come_under_active after insert on keyhold.cipherkeys
    referencing new table as new_rows for each statement execute function keyhold.guard_new_cipherkeys()`,
  // A copy meets the first question alone: all of its rows are under the active version.
  sql`create function keyhold.guard_changed_cipherkeys() returns trigger language plpgsql as $$
    declare refused record;
    begin
      perform from (select distinct tenant_id, tenant_key_version from new_rows) n where ${isClosed};
      if not found then return null; end if;
      select n.tenant_id, n.tenant_key_version into refused
      from new_rows n left join old_rows o using (tenant_id, data_key_id, version)
      where o.tenant_key_version is distinct from n.tenant_key_version and ${isClosed} limit 1;
      if found then ${refuse} end if;
      return null;
    end $$`,
  sql`create trigger cipherkeys_move_to_active after update on keyhold.cipherkeys
    referencing old table as old_rows new table as new_rows
    for each statement execute function keyhold.guard_changed_cipherkeys()`,

  // A version is never forgotten while its tenant has cipherkeys: that is one look into an index.
  sql`create function keyhold.keep_needed_tenant_keys() returns trigger language plpgsql as $$
    begin
      if exists (select from keyhold.cipherkeys c where c.tenant_id = old.tenant_id) then
        raise exception 'tenant % still has cipherkeys: its tenant keys stay', old.tenant_id
          using errcode = 'restrict_violation';
      end if;
      return coalesce(new, old);
    end $$`,
  sql`create trigger tenant_keys_are_kept before delete on keyhold.tenant_keys
    for each row execute function keyhold.keep_needed_tenant_keys()`,
  sql`create trigger tenant_keys_keep_their_names before update of tenant_id, version on keyhold.tenant_keys
    for each row when (old.tenant_id <> new.tenant_id or old.version <> new.version)
    execute function keyhold.keep_needed_tenant_keys()`,
]

// The table of what key jobs have set aside is not partitioned: it has hardly any rows, unless a key is lost. Then there
// may be millions for one tenant, and vacuum must notice their deletion in a table that all tenants share.
const failures = [sql`alter table keyhold.key_job_failures set (autovacuum_vacuum_scale_factor = 0.02)`]

// The deletion of a tenant has begun once its tenant keys are emptied: there is no way back from then on. One replica
// has the claim. What is done and counted so far is in progress, and what the record will say of the rest is in described.
// Two columns, since the first changes with every step and the second has up to a few hundred kilobytes.
const deletions = [
  sql`alter table keyhold.destructions
    add column begun_at timestamptz,
    add column claimed_by uuid,
    add column claimed_until timestamptz,
    add column progress jsonb,
    add column described jsonb,
    add constraint destructions_begun_whole check ((begun_at is null) = (progress is null)),
    add constraint destructions_begun_end check (begun_at is null or cancelled_at is null)`,
]

export const fenceAndPartitions: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of [...fence, ...partitions]) await statement.execute(db)
    await moveRows(db)
    for (const statement of [...guards, ...failures, ...deletions]) await statement.execute(db)
  },
}

interface Place {
  tenant_id: string
  data_key_id: string
  version: number
}

// In pages, so that no statement takes longer the more rows there are: each one has the usual time limit. They come from
// the primary key's index, whatever the planner knows of a table that may have grown a moment ago.
async function moveRows(db: Kysely<unknown>): Promise<void> {
  let after: Place | undefined
  await sql`set local enable_seqscan = off`.execute(db)
  await sql`set local enable_bitmapscan = off`.execute(db)
  for (;;) {
    const beyond: ReturnType<typeof sql> =
      after === undefined
        ? sql``
        : sql`where (tenant_id, data_key_id, version) > (${after.tenant_id}, ${after.data_key_id}::uuid, ${after.version}::integer)`
    const { rows } = await sql<Place>`
      with moved as (
        insert into keyhold.cipherkeys (tenant_id, data_key_id, version, key_name, state, tenant_key_version, wrapped,
          key_check_value, created_at)
        select tenant_id, data_key_id, version, key_name, state, tenant_key_version, wrapped, key_check_value, created_at
        from keyhold.cipherkeys_in_one ${beyond} order by tenant_id, data_key_id, version limit ${pageRows}
        returning tenant_id, data_key_id, version
      ) select * from moved order by tenant_id desc, data_key_id desc, version desc limit 1`.execute(db)
    after = rows[0]
    if (after === undefined) break
  }
  await sql`set local enable_seqscan = on`.execute(db)
  await sql`set local enable_bitmapscan = on`.execute(db)
  await sql`drop table keyhold.cipherkeys_in_one`.execute(db)
}
