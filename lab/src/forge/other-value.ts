// Another value of a column: where there is one that is to the attacker's advantage, that one.
import type { CatalogColumn } from './catalog.ts'

/** An SQL expression over the row `t`. */
export function otherValue({ table, column, type }: CatalogColumn, foreignArn: string): string {
  const chosen: Readonly<Record<string, string>> = {
    key_arn: `'${foreignArn}'`,
    source_key_arn: `'${foreignArn}'`,
    target_key_arn: `'${foreignArn}'`,
    alias_key_arn: `'${foreignArn}'`,
    role_arn: `'arn:aws:iam::222222222222:role/attacker'`,
    reached_as: `case t.reached_as when 'self' then 'internal' else 'self' end`,
    kms: `case t.kms when 'aws' then 'internal' else 'aws' end`,
    role: `case t.role when 'operator' then 'service' else 'operator' end`,
    replica_regions: `array['eu-west-3', 'eu-north-1']`,
    region: `'eu-west-3'`,
    'tenant_keys.state': `case t.state when 'active' then 'decrypt-only' else 'active' end`,
    'key_health.state': `case t.state when 'healthy' then 'denied' else 'healthy' end`,
    'cipherkeys.state': `case t.state when 'active' then 'decrypt-only' else 'active' end`,
    phase: `case t.phase when 'prepare' then 'copy' when 'done' then 'prepare' else 'cutover' end`,
    'key_jobs.kind': `case t.kind when 'migration' then 'rotation' else 'migration' end`,
    'destructions.kind': `case t.kind when 'tenant' then 'data-key' else 'tenant' end`,
    due_at: `t.scheduled_at`,
    minimum_version: '2',
    last_error: `'{"code": "ERR_INTERNAL", "message": "look elsewhere"}'::jsonb`,
    'key_jobs.id': 'gen_random_uuid()',
  }
  const found = chosen[`${table}.${column}`] ?? chosen[column]
  if (found !== undefined) return found
  const isPartOfKey = keysThatMustDiffer.has(`${table}.${column}`)
  switch (type) {
    case 'uuid':
      return 'gen_random_uuid()'
    case 'int2':
    case 'int4':
    case 'int8':
      return isPartOfKey ? `t.${column} + 1000` : `coalesce(t.${column}, 0) + 1`
    case 'float8':
      return `t.${column} + 1`
    case 'bool':
      return `not t.${column}`
    case 'timestamptz':
      return `coalesce(t.${column}, now()) - interval '31 days'`
    case 'date':
      return `t.${column} - 31`
    case 'bytea':
      return `case when length(t.${column}) > 0 then set_byte(t.${column}, length(t.${column}) - 1,
        get_byte(t.${column}, length(t.${column}) - 1) # 1) else '\\x00'::bytea end`
    case '_text':
      return `array['other']`
    case 'jsonb':
      return `'{}'::jsonb`
    default:
      return `coalesce(t.${column}, '') || 'x'`
  }
}

const keysThatMustDiffer = new Set(['audits.sequence', 'tenant_keys.version', 'audit_checkpoints.number'])
