-- What an audit trail must agree with: every row that comes back is a fault. For a database of which all changes were
-- made with an audit trail; it holds at any moment, in the eyes of one transaction.
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
  select coalesce(tenant_id, ''), 'apikey.create', id, 1 from keyhold.api_keys
  union all
  select coalesce(tenant_id, ''), 'apikey.delete', id, 0 from keyhold.api_keys
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
  select chain, target_id, 'apikey', sum(case action when 'apikey.create' then times else -times end),
    (select count(*) from keyhold.api_keys k where k.id = target_id)
  from told where action in ('apikey.create', 'apikey.delete') group by chain, target_id
)
select 'chain "' || h.chain || '": head ' || h.sequence || ', ' || count(a.*) || ' records up to '
    || coalesce(max(a.sequence), 0) as fault
  from keyhold.audit_heads h left join keyhold.audits a using (chain) group by h.chain, h.sequence, h.hash
  having count(a.*) <> h.sequence or coalesce(max(a.sequence), 0) <> h.sequence
    or (array_agg(a.hash order by a.sequence desc))[1] is distinct from h.hash
union all
select 'chain "' || chain || '" has no head' from keyhold.audits
  where chain not in (select chain from keyhold.audit_heads) group by chain
union all
select e.action || ' of ' || e.target_id || ' in "' || e.chain || '": told ' || coalesce(sum(t.times), 0)
    || ' times instead of ' || e.times
  from expected e left join told t
    on t.chain = e.chain and t.target_id = e.target_id and t.action = any(string_to_array(e.action, ' or '))
  group by e.chain, e.action, e.target_id, e.times having coalesce(sum(t.times), 0) <> e.times
union all
-- Told of what never was; with a tenant its key jobs go, and its destructions stay.
select t.action || ' of ' || t.target_id || ' in "' || t.chain || '": there is no such thing'
  from told t left join keyhold.audits a on a.chain = t.chain and a.sequence = t.first
  where (a.target_kind = 'migration' and t.chain not in (select id from keyhold.retired_tenant_ids)
      and t.target_id not in (select id::text from keyhold.key_jobs))
    or (a.target_kind = 'destruction' and t.target_id not in (select id::text from keyhold.destructions))
    or (a.target_kind = 'tenant' and t.target_id not in (
      select id from keyhold.tenants union all select id from keyhold.retired_tenant_ids))
union all
select what || ' ' || target_id || ' in "' || chain || '": told ' || told || ', found ' || found
  from balance where told <> found and chain not in (select id from keyhold.retired_tenant_ids)
union all
select 'key provider ' || fingerprint || ' of ' || tenant_id || ' was never told of'
  from keyhold.key_providers where kms = 'aws' and not exists (
    select from told t where t.chain = tenant_id and t.action = 'keyprovider.create' and t.target_id = fingerprint)
union all
-- The last change that was told of is the state that is shown; none: it has always been well.
select 'health of ' || h.fingerprint || ' in ' || h.region || ' is ' || h.state || ', told: ' || coalesce(last.state, 'none')
  from keyhold.key_health h left join lateral (
    select details->>'to' as state from keyhold.audits a
    where a.chain = h.tenant_id and a.action = 'keyhealth.change' and a.target_id = h.fingerprint
      and a.details->>'region' = h.region
      -- A key that is registered anew begins anew.
      and a.sequence > coalesce((select t.last from told t where t.chain = h.tenant_id
        and t.action = 'keyprovider.create' and t.target_id = h.fingerprint), 0)
    order by a.sequence desc limit 1
  ) last on true
  where h.state <> coalesce(last.state, 'healthy')
