// Every metric of Keyhold's own: what docs/metrics.md shows is made from this. Labels are of closed sets, so that the
// number of series does not grow with tenants and keys: whose key it is stands in the API, not here.

interface CatalogEntry {
  type: 'counter' | 'gauge' | 'histogram'
  labels: readonly string[]
  help: string
}

export const metricCatalog = {
  keyhold_build_info: { type: 'gauge', labels: ['version'], help: 'Always 1; the version is its label.' },
  keyhold_sealed: {
    type: 'gauge',
    labels: [],
    help: 'Whether this replica lacks the root key of the database (1), and so serves nothing.',
  },
  keyhold_http_request_duration_seconds: {
    type: 'histogram',
    labels: ['route', 'status'],
    help: 'Requests by the id of their route, from their headers to the end of the reply, and by the class of the status: 2xx, 4xx, 5xx. Event streams count when they end.',
  },
  keyhold_items_total: {
    type: 'counter',
    labels: ['operation', 'outcome'],
    help: 'Items that were encrypted, decrypted or re-encrypted (ok), or were faulty themselves (failed). Requests that failed as a whole are in none.',
  },
  keyhold_key_cache_hits_total: {
    type: 'counter',
    labels: ['cache'],
    help: 'Keys that were found in memory, once for each request and key: tenant_key, data_key.',
  },
  keyhold_key_cache_misses_total: {
    type: 'counter',
    labels: ['cache'],
    help: 'Keys that had to be waited for: of data keys for the database, of tenant keys for the KMS.',
  },
  keyhold_key_cache_evictions_total: {
    type: 'counter',
    labels: ['cache', 'reason'],
    help: 'Keys that left memory before their time: room (others took their place), ended (denied, locked, changed or deleted).',
  },
  keyhold_key_cache_entries: {
    type: 'gauge',
    labels: ['cache'],
    help: 'Entries in memory; a data key takes up to two.',
  },
  keyhold_kms_calls_total: {
    type: 'counter',
    labels: ['action', 'region', 'outcome'],
    help: 'Calls to AWS KMS by their outcome: ok, or the code of the error.',
  },
  keyhold_kms_requests_total: {
    type: 'counter',
    labels: ['action', 'region'],
    help: 'What was sent for these calls, repetitions by the AWS SDK included; what AWS counts.',
  },
  keyhold_kms_call_duration_seconds: {
    type: 'histogram',
    labels: ['action', 'region'],
    help: 'How long calls to AWS KMS took, answered or not, from the moment they were sent, with repetitions and pauses.',
  },
  keyhold_kms_waits_total: {
    type: 'counter',
    labels: ['priority', 'outcome'],
    help: 'Calls that waited for room or for the budget: began, refused (ERR_KMS_BUDGET), gave-up (time-out, or the caller).',
  },
  keyhold_kms_wait_seconds_total: {
    type: 'counter',
    labels: ['priority'],
    help: 'How long these calls waited in all.',
  },
  keyhold_kms_calls_running: {
    type: 'gauge',
    labels: [],
    help: 'Calls for traffic that run or wait for their turn, of all keys.',
  },
  keyhold_keys: {
    type: 'gauge',
    labels: ['state', 'cause'],
    help: 'Registered keys by their health, as the API shows it, and the code of the error behind it (none: healthy). From the database: the same on every replica.',
  },
  keyhold_key_state_changes_total: {
    type: 'counter',
    labels: ['state', 'cause'],
    help: 'Changes of the health of keys, in any region, that this replica noticed: to which state, for which code.',
  },
  keyhold_tenants: {
    type: 'gauge',
    labels: ['locked'],
    help: 'Tenants, by whether their administrator has locked them: true, false. From the database.',
  },
  keyhold_key_jobs: {
    type: 'gauge',
    labels: ['kind', 'phase'],
    help: 'Key jobs (`migration`, `rotation`) by phase, ended ones included. From the database.',
  },
  keyhold_key_jobs_paused: {
    type: 'gauge',
    labels: ['cause'],
    help: 'Running migrations and rotations whose last try failed, by the code of the error. From the database.',
  },
  keyhold_key_job_cipherkeys: {
    type: 'gauge',
    labels: ['state'],
    help: 'Cipherkeys of running migrations and rotations: total, copied, verified, failed. From the database.',
  },
  keyhold_key_job_failures_open: {
    type: 'gauge',
    labels: [],
    help: 'Cipherkeys that running migrations and rotations have set aside and nobody has accepted. From the database.',
  },
  keyhold_cipherkeys_rewrapped_total: {
    type: 'counter',
    labels: [],
    help: 'Cipherkeys that the threads of this replica have rewrapped.',
  },
  keyhold_jobs: {
    type: 'gauge',
    labels: ['state'],
    help: 'Jobs in the queue: queued, active. From the database.',
  },
  keyhold_database_up: {
    type: 'gauge',
    labels: [],
    help: 'Whether the database answered this scrape within two seconds (1). Where it did not, what is from the database is missing.',
  },
  keyhold_database_connections: {
    type: 'gauge',
    labels: ['state'],
    help: 'Connections of the pool: busy, idle.',
  },
  keyhold_database_waiting: {
    type: 'gauge',
    labels: [],
    help: 'Statements and transactions that wait for a connection of the pool.',
  },
} as const satisfies Record<string, CatalogEntry>

export type MetricName = keyof typeof metricCatalog

export type MetricNameOf<Type extends CatalogEntry['type']> = {
  [Name in MetricName]: (typeof metricCatalog)[Name]['type'] extends Type ? Name : never
}[MetricName]
