// The audit trail: a chain of records for each tenant, and one for the installation, which has the empty name. Records
// outlive their tenants: nothing here refers to a tenant by a foreign key.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  sql`create table keyhold.audits (
    chain text collate "C" not null,
    sequence bigint not null check (sequence >= 1),
    id uuid not null unique,
    at timestamptz(3) not null,
    actor_id text not null,
    actor_role text,
    action text not null,
    target_kind text not null,
    target_id text not null,
    trace_id text,
    details jsonb not null check (jsonb_typeof(details) = 'object'),
    hash bytea not null check (length(hash) = 32),
    primary key (chain, sequence)
  )`,

  // Appending locks the chain's head, last of all before the commit. The head is a row of its own: writers of cipherkeys
  // hold the tenant's row, and never wait for this one.
  sql`create table keyhold.audit_heads (
    chain text collate "C" primary key,
    sequence bigint not null default 0,
    hash bytea not null default decode(repeat('00', 32), 'hex') check (length(hash) = 32)
  )`,

  // This guards against mistakes of programs and people. The owner of the tables can remove it, and the chain shows that.
  sql`create function keyhold.refuse_audit_change() returns trigger language plpgsql as $$
    begin
      raise exception 'audit records are never changed or deleted' using errcode = 'restrict_violation';
    end $$`,
  sql`create trigger audits_are_kept before update or delete on keyhold.audits
    for each row execute function keyhold.refuse_audit_change()`,
  sql`create trigger audits_are_not_truncated before truncate on keyhold.audits
    for each statement execute function keyhold.refuse_audit_change()`,
  sql`create trigger audit_heads_grow before update on keyhold.audit_heads
    for each row when (new.chain <> old.chain or new.sequence < old.sequence)
    execute function keyhold.refuse_audit_change()`,
  sql`create trigger audit_heads_are_kept before delete on keyhold.audit_heads
    for each row execute function keyhold.refuse_audit_change()`,
  sql`create trigger audit_heads_are_not_truncated before truncate on keyhold.audit_heads
    for each statement execute function keyhold.refuse_audit_change()`,

  // An auditor reads the records of one tenant.
  sql`alter table keyhold.api_keys
    drop constraint api_keys_role_check,
    add constraint api_keys_role_check check (role in ('tenant-admin', 'service', 'auditor', 'operator')),
    drop constraint api_keys_check,
    add constraint api_keys_check check (case role
      when 'operator' then tenant_id is null when 'service' then true else tenant_id is not null end)`,
]

export const audits: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
