// How the key of a tenant key version is reached stays with the version: its key provider's entry may be deleted before it.
// Replicas of the version before do not write these columns. A version of theirs takes them from its key provider while
// that is there.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const statements = [
  // reached_as: by the internal KMS, under Keyhold's own identity, or through a role in the customer's account. Null: nothing
  // is known, and the version is opened only while its key provider says how.
  sql`alter table keyhold.tenant_keys
    add column reached_as text check (reached_as in ('internal', 'self', 'role')),
    add column role_arn text,
    add column external_id uuid,
    add column replica_regions text[],
    add constraint tenant_keys_access_whole check (
      (reached_as is null) = (replica_regions is null)
      and coalesce(reached_as = 'role', false) = (role_arn is not null)
      and coalesce(reached_as = 'role', false) = (external_id is not null)
    )`,
  sql`update keyhold.tenant_keys v
    set reached_as = case when p.kms = 'internal' then 'internal' when p.role_arn is null then 'self' else 'role' end,
      role_arn = p.role_arn,
      external_id = case when p.role_arn is not null then t.external_id end,
      replica_regions = array(select jsonb_array_elements_text(
        jsonb_path_query_array(p.inspection, '$.replicaKeys[*].region ? (@.type() == "string")')))
    from keyhold.key_providers p join keyhold.tenants t on t.id = p.tenant_id
    where v.tenant_id = p.tenant_id and v.key_arn = p.key_arn and v.state <> 'destroyed'`,
]

export const accessOfVersions: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await statement.execute(db)
  },
}
