// Takes the MACs out of a database, as one who can write to it may do, or as it was before there were any.
import type { Row } from './query-pool.ts'

const columns = [
  ...[
    'tenants',
    'tenant_guards',
    'tenant_keys',
    'key_providers',
    'key_jobs',
    'key_job_failures',
    'destructions',
  ],
  ...[
    'minimum_versions',
    'api_keys',
    'key_health',
    'installation',
    'former_signing_keys',
    'issuer_keys',
    'audit_heads',
  ],
].map((table) => [table, 'mac'])

export async function stripMacs(query: (statement: string) => Promise<Row[]>): Promise<void> {
  for (const [table, column] of [...columns, ['key_jobs', 'progress_mac']]) {
    await query(`update keyhold.${table} set ${column} = null`)
  }
}
