// Faults in the database: where its rows do not agree with each other, or with the audit trail. For a database of which all
// changes were made with an audit trail; it holds at any moment, in the eyes of one transaction. It finds what a careless hand
// leaves. One who knows it and writes records that agree is found by saved heads alone (docs/audit.md).
import { auditChainStart, auditHash, type AuditRecord } from '@keyhold/core'
import type pg from 'pg'
import { findCheckpointFault } from './audit-trail/checkpoint-faults.ts'

export interface IntegrityFault {
  code: keyof typeof integrityAdvice
  /** The table, without its schema. */
  table: string
  /** Undefined: it concerns the installation. */
  tenantId: string | undefined
  /** Names the row in its table, or what a record is about. */
  id: string
  message: string
}

/** The advice for each kind of fault. */
export const integrityAdvice = {
  AUDIT_CHECKPOINT_DIFFERS:
    'Verify an export of the chain against checkpoints that were kept outside of the database: records or checkpoints were removed, added or changed.',
  AUDIT_HEAD_DIFFERS:
    'Compare the chain with a backup and with saved heads: records were removed, added or changed.',
  AUDIT_HEAD_MISSING: 'Put the head of the chain back from a backup.',
  AUDIT_RECORD_BROKEN: 'Compare the chain with a backup, record by record, from this one on.',
  CHANGE_NOT_RECORDED: 'Find out who made the change beside Keyhold. Revoke an API key that nobody recorded.',
  RECORD_OF_NOTHING: 'Look for the row in a backup: it was deleted, or the record was added.',
  COUNT_DIFFERS:
    'Find out who changed the row beside Keyhold: a lock, an API key or a key provider was added or removed.',
  KEY_PROVIDER_NOT_RECORDED: 'Ask the tenant whether the key is its own before anything is migrated to it.',
  KEY_HEALTH_DIFFERS: 'Test the key: where it is shown as well, other regions may stand in for it.',
  KEY_ACCESS_MISSING: 'Register the key again, with its role.',
  SIGNING_KEY_MISSING: 'Put the row back from a backup before a server starts again.',
  ROW_UNSIGNED:
    'Somebody added the row beside Keyhold, or took its MAC away: compare it with a backup. If it is right, accept it with --accept.',
  ROW_FORGED:
    'Somebody changed the row beside Keyhold: put it back from a backup. If it is right as it is, accept it with --accept.',
  ROWS_INCOMPLETE:
    'A row of the tenant is missing, was added or was put back beside Keyhold: compare its rows with a backup. If they are right, accept this one with --accept.',
  ROW_OLDER:
    'The database has gone back: put the newer one back, or decide for this one with "keyhold-server confirm-restore".',
  STATE_FILE_INVALID: 'Nothing was compared with it: see what it says.',
  ROW_OUTDATED: 'Put the newer root key file in place, which the other replicas have.',
} as const

/**
 * Every row that comes back is a fault. Each part reads its tables once and joins them as a whole: `not in (select …)`, and a
 * look through `told` for each row, would take a hundred times as long for ten times as many tenants.
 */
export const integrityStatement = String.raw`
with told as (
  -- How often each thing was told of each target.
  select chain, action, target_id, count(*) as times, min(sequence) as first, max(sequence) as last
  from keyhold.audits group by chain, action, target_id
),
expected as (
  -- Key jobs: each step that a row has behind it, once.
  select tenant_id as chain, case kind when 'migration' then 'migration.start' else 'tenantkey.rotate' end as action,
    id::text as target_id, 1 as times from keyhold.key_jobs
  union all
  select tenant_id, 'migration.prepare', id::text, (target_version is not null)::int from keyhold.key_jobs
  union all
  select tenant_id, 'migration.dual', id::text, (epoch is not null)::int from keyhold.key_jobs
  union all
  select tenant_id, 'migration.cancel', id::text, (cancelled_at is not null)::int from keyhold.key_jobs
  union all
  select tenant_id, 'migration.cutover', id::text, (phase = 'done')::int from keyhold.key_jobs
  union all
  -- A rotation that is turned round may still give way to a migration.
  select tenant_id, 'migration.abort or migration.supersede', id::text, (phase = 'aborted')::int from keyhold.key_jobs
  union all
  select tenant_id, 'tenantkey.destroy', version::text, (state = 'destroyed')::int from keyhold.tenant_keys
  union all
  select tenant_id, case kind when 'tenant' then 'tenant.schedule-deletion' else 'datakey.schedule-destruction' end,
    id::text, 1 from keyhold.destructions
  union all
  select tenant_id, case kind when 'tenant' then 'tenant.cancel-deletion' else 'datakey.cancel-destruction' end,
    id::text, (cancelled_at is not null)::int from keyhold.destructions
  union all
  select tenant_id, 'datakey.destroy', id::text, (destroyed_at is not null)::int
  from keyhold.destructions where kind = 'data-key'
  union all
  select '', 'tenant.create', id, 1 from keyhold.tenants
  union all
  select '', 'tenant.create', id, 1 from keyhold.retired_tenant_ids
  union all
  select '', 'tenant.delete', id, 0 from keyhold.tenants
  union all
  select '', 'tenant.delete', id, 1 from keyhold.retired_tenant_ids
  union all
  select '', 'signingkey.rotate', successor_id, 1 from keyhold.former_signing_keys
  union all
  select coalesce(tenant_id, ''), 'apikey.create or apikey.rotate', id, 1 from keyhold.api_keys
    where role <> 'setup' -- its setup link is recorded
  union all
  select coalesce(tenant_id, ''), 'apikey.delete', id, 0 from keyhold.api_keys
),
-- Those of tenants that are there, and of those that were.
tenant_ids as (
  select id from keyhold.tenants union select id from keyhold.retired_tenant_ids
),
-- What is there now against what was made and unmade.
balance as (
  select chain, target_id, 'keyprovider' as what,
    sum(case action when 'keyprovider.create' then times when 'keyprovider.delete' then -times end) as told,
    (select count(*) from keyhold.key_providers p where p.tenant_id = chain and p.fingerprint = target_id) as found
  from told where action in ('keyprovider.create', 'keyprovider.delete') group by chain, target_id
  union all
  select chain, target_id, 'lock', sum(case action when 'tenant.lock' then times else -times end),
    (select count(*) from keyhold.tenant_locks l where l.tenant_id = chain)
  from told where action in ('tenant.lock', 'tenant.unlock') group by chain, target_id
  union all
  select chain, target_id, 'apikey', sum(case action when 'apikey.delete' then -times else times end),
    (select count(*) from keyhold.api_keys k where k.id = target_id)
  from told where action in ('apikey.create', 'apikey.rotate', 'apikey.delete') group by chain, target_id
)
select 'AUDIT_HEAD_DIFFERS' as code, 'audit_heads' as "table", h.chain as tenant, h.chain as id,
    'chain "' || h.chain || '": head ' || h.sequence || ', ' || count(a.*) || ' records up to '
    || coalesce(max(a.sequence), 0) as message
  from keyhold.audit_heads h left join keyhold.audits a using (chain) group by h.chain, h.sequence, h.hash
  having count(a.*) <> h.sequence or coalesce(max(a.sequence), 0) <> h.sequence
    or (array_agg(a.hash order by a.sequence desc))[1] is distinct from h.hash
union all
select 'AUDIT_HEAD_MISSING', 'audits', chain, chain,
    'chain "' || chain || '" has no head' from keyhold.audits
  where not exists (select from keyhold.audit_heads h where h.chain = audits.chain) group by chain
union all
select 'CHANGE_NOT_RECORDED', 'audits', e.chain, e.target_id,
    e.action || ' of ' || e.target_id || ' in "' || e.chain || '": told ' || coalesce(sum(t.times), 0)
    || ' times instead of ' || e.times
  from expected e left join told t
    on t.chain = e.chain and t.target_id = e.target_id and t.action = any(string_to_array(e.action, ' or '))
  group by e.chain, e.action, e.target_id, e.times having coalesce(sum(t.times), 0) <> e.times
union all
-- Told of what never was; with a tenant its key jobs go, and its destructions stay.
select 'RECORD_OF_NOTHING', 'audits', t.chain, t.target_id,
    t.action || ' of ' || t.target_id || ' in "' || t.chain || '": there is no such thing'
  from told t left join keyhold.audits a on a.chain = t.chain and a.sequence = t.first
    left join keyhold.retired_tenant_ids r on r.id = t.chain
    left join keyhold.key_jobs j on j.id::text = t.target_id and a.target_kind = 'migration'
    left join keyhold.former_signing_keys s on s.successor_id = t.target_id and a.target_kind = 'signing-key'
    left join keyhold.destructions d on d.id::text = t.target_id and a.target_kind = 'destruction'
    left join tenant_ids i on i.id = t.target_id and a.target_kind = 'tenant'
  where (a.target_kind = 'migration' and r.id is null and j.id is null)
    or (a.target_kind = 'signing-key' and s.successor_id is null)
    or (a.target_kind = 'destruction' and d.id is null)
    or (a.target_kind = 'tenant' and i.id is null)
union all
select 'COUNT_DIFFERS', 'audits', chain, target_id,
    what || ' ' || target_id || ' in "' || chain || '": told ' || told || ', found ' || found
  from balance b left join keyhold.retired_tenant_ids r on r.id = b.chain where told <> found and r.id is null
union all
select 'KEY_PROVIDER_NOT_RECORDED', 'key_providers', tenant_id, fingerprint,
    'key provider ' || fingerprint || ' of ' || tenant_id || ' was never told of'
  from keyhold.key_providers where kms = 'aws' and not exists (
    select from told t where t.chain = tenant_id and t.action = 'keyprovider.create' and t.target_id = fingerprint)
union all
-- The last change that was told of is the state that is shown; none: it has always been well.
select 'KEY_HEALTH_DIFFERS', 'key_health', h.tenant_id, h.fingerprint,
    'health of ' || h.fingerprint || ' in ' || h.region || ' is ' || h.state || ', told: ' || coalesce(last.state, 'none')
  from keyhold.key_health h
  left join told t on t.chain = h.tenant_id and t.action = 'keyprovider.create' and t.target_id = h.fingerprint
  left join lateral (
    select details->>'to' as state from keyhold.audits a
    where a.chain = h.tenant_id and a.action = 'keyhealth.change' and a.target_id = h.fingerprint
      and a.details->>'region' = h.region
      -- A key that is registered anew begins anew.
      and a.sequence > coalesce(t.last, 0)
    order by a.sequence desc limit 1
  ) last on true
  where h.state <> coalesce(last.state, 'healthy')
union all
-- A key cannot be asked for without it, and nobody guesses.
select 'KEY_ACCESS_MISSING', 'tenant_keys', v.tenant_id, v.version::text,
    'it is not known how the key of tenant key version ' || v.version || ' is reached'
  from keyhold.tenant_keys v
  where v.state <> 'destroyed' and v.reached_as is null and v.key_arn like 'arn:%' and not exists (
    select from keyhold.key_providers p where p.tenant_id = v.tenant_id and p.key_arn = v.key_arn)
union all
select 'SIGNING_KEY_MISSING', 'installation', '', i.id::text, 'the installation has no signing key'
  from keyhold.installation i where i.signing_key_id is null`

const recordsAtOnce = 1_000

/** Reads everything in one snapshot. Give it a connection without time limits: it reads the whole audit trail. */
export async function findIntegrityFaults(client: Pick<pg.Client, 'query'>): Promise<IntegrityFault[]> {
  await client.query('begin transaction isolation level repeatable read, read only')
  try {
    // PostgreSQL does not know how much is told, and must not take it for little: then it would look through it for each row.
    await client.query('set local enable_nestloop = off')
    const { rows } = await client.query<Omit<IntegrityFault, 'tenantId'> & { tenant: string }>(
      integrityStatement,
    )
    const faults: IntegrityFault[] = rows.map(({ tenant, ...fault }) => ({
      ...fault,
      tenantId: tenantOf(tenant),
    }))
    const { rows: chains } = await client.query<{ chain: string }>(
      'select chain from keyhold.audits union select chain from keyhold.audit_checkpoints order by 1',
    )
    for (const { chain } of chains) {
      const checkpoint = await findCheckpointFault(client, chain)
      if (checkpoint !== undefined) {
        faults.push({
          ...{ code: 'AUDIT_CHECKPOINT_DIFFERS', table: 'audit_checkpoints', tenantId: tenantOf(chain) },
          ...{ id: String(checkpoint.number), message: checkpoint.message },
        })
      }
      const sequence = await findBrokenRecord(client, chain)
      if (sequence === undefined) continue
      const message = `record ${sequence} of chain "${chain}" does not follow from the one before it`
      faults.push({
        ...{ code: 'AUDIT_RECORD_BROKEN', table: 'audits', tenantId: tenantOf(chain) },
        ...{ id: String(sequence), message },
      })
    }
    return faults
  } finally {
    await client.query('rollback')
  }
}

function tenantOf(chain: string): string | undefined {
  return chain === '' ? undefined : chain
}

type StoredRecord = Omit<AuditRecord, 'tenantId' | 'actorRole' | 'traceId'> & {
  hash: Buffer
  actorRole: string | null
  traceId: string | null
}

/** Answers the number that the first wrong record of a chain has or should have. */
async function findBrokenRecord(
  client: Pick<pg.Client, 'query'>,
  chain: string,
): Promise<number | undefined> {
  let previous = auditChainStart
  let expected = 1
  for (;;) {
    const { rows } = await client.query<StoredRecord>(
      `select sequence::int, id, at, actor_id as "actorId", actor_role as "actorRole", action,
        target_kind as "targetKind", target_id as "targetId", trace_id as "traceId", details, hash
      from keyhold.audits where chain = $1 and sequence >= $2 order by sequence limit $3`,
      [chain, expected, recordsAtOnce],
    )
    for (const { hash, actorRole, traceId, ...row } of rows) {
      const record = {
        ...row,
        tenantId: tenantOf(chain),
        actorRole: actorRole ?? undefined,
        traceId: traceId ?? undefined,
      }
      if (record.sequence !== expected || !auditHash(previous, record).equals(hash)) return expected
      previous = hash
      expected += 1
    }
    if (rows.length < recordsAtOnce) return undefined
  }
}
