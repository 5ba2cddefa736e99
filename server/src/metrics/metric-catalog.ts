// Every metric of Keyhold's own; the table in docs/metrics.md is made from it. Labels have closed sets of values, so that
// the number of series does not grow with tenants and keys. The API, not a metric, says whose key it is.

interface CatalogEntry {
  type: 'counter' | 'gauge' | 'histogram'
  labels: readonly string[]
  help: string
  /** The gauge says the same on all replicas. */
  isOfInstallation?: true
}

export const metricCatalog = {
  keyhold_build_info: {
    type: 'gauge',
    labels: ['version'],
    help: 'Always 1. The label is the version.',
    isOfInstallation: true,
  },
  keyhold_sealed: {
    type: 'gauge',
    labels: [],
    help: '1 if this replica lacks the root key of the database, or is quarantined as a whole, and so serves nothing, otherwise 0.',
  },
  keyhold_quarantined: {
    type: 'gauge',
    labels: ['scope'],
    help: 'What is refused since the database is older than what this replica knows: installation (1: everything, otherwise 0), tenants (how many, as far as it has looked).',
  },
  keyhold_api_keys_ending: {
    type: 'gauge',
    labels: ['within'],
    help: 'API keys that end by themselves within 1d, 7d and 14d, as of the last hourly look. At most 1,000 are counted.',
    isOfInstallation: true,
  },
  keyhold_replicas: {
    type: 'gauge',
    labels: [],
    help: 'Live replicas as this replica counts them, itself included. Limits that hold for the installation are divided by it.',
    isOfInstallation: true,
  },
  keyhold_replica_up: {
    type: 'gauge',
    labels: ['replica'],
    help: 'Of several replicas on one machine (`KEYHOLD_REPLICAS`): 1 if the replica answered this scrape within four seconds, otherwise 0. Missing where there is one replica.',
  },
  keyhold_replica_restarts_total: {
    type: 'counter',
    labels: ['replica'],
    help: 'Of several replicas on one machine: how often another one took the place of this one, because it had ended. Missing where there is one replica.',
  },
  keyhold_http_request_duration_seconds: {
    type: 'histogram',
    labels: ['route', 'status'],
    help: 'The time of requests from their headers to the end of the reply, by the id of the route and the class of the status: 2xx, 4xx, 5xx. Event streams count when they end.',
  },
  keyhold_rate_limit_refusals_total: {
    type: 'counter',
    labels: ['limit', 'scope'],
    help: 'Requests that were refused with 429 by a limit (tier-1, tier-2, management, data, kill-switch, unknown-keys), and whether it was that of the caller, of the tenant or of the address.',
  },
  keyhold_authentication_refusals_total: {
    type: 'counter',
    labels: ['credential'],
    help: 'Requests that were refused with 401, by the credential that did not do: token (malformed, unknown, revoked), certificate (not trusted, or missing where each client must have one), none (no access token).',
  },
  keyhold_token_refusals_total: {
    type: 'counter',
    labels: ['credential', 'cause'],
    help: 'JWTs and certificates of clients (jwt, certificate) that were refused with 401, by the cause, which the sender does not learn: malformed, issuer, own-issuer, algorithm, key-id, type, audience, time, lifetime, claims, id-token, authorized-party, unknown-key, signature, binding, mapping, tenant.',
  },
  keyhold_issuer_keys_age_seconds: {
    type: 'gauge',
    labels: ['issuer'],
    help: 'How long ago the keys of an issuer of JWTs were last read, by its name in the file of issuers. Keys serve for a day. Where they were never read, it counts from when this replica began to trust the issuer.',
  },
  keyhold_issuers_file_unusable: {
    type: 'gauge',
    labels: [],
    help: '1 while the file of issuers cannot be used as it is now (see the log), so that what was read before counts; otherwise 0.',
  },
  keyhold_connection_refusals_total: {
    type: 'counter',
    labels: ['scope'],
    help: 'Connections that were refused because all of this replica, or half of them from one address, were in use: replica, address.',
  },
  keyhold_faulty_rows_total: {
    type: 'counter',
    labels: ['table', 'fault'],
    help: 'How often a row that steers was read and was not as Keyhold wrote it, by its table: unsigned (it has no MAC), forged (it has a wrong one, or is a cipherkey that does not open under its name and time), missing (there must be one), older (this replica has seen a newer one), incomplete (others that belong to it are missing, or there are more).',
  },
  keyhold_items_total: {
    type: 'counter',
    labels: ['operation', 'outcome'],
    help: 'Items that were encrypted, decrypted or re-encrypted (ok), and items that were faulty themselves (failed). Requests that failed as a whole do not count.',
  },
  keyhold_key_cache_hits_total: {
    type: 'counter',
    labels: ['cache'],
    help: 'How often a request found a key in memory, once for each key that it needed: tenant_key, data_key.',
  },
  keyhold_key_cache_misses_total: {
    type: 'counter',
    labels: ['cache'],
    help: 'How often a request had to wait for a key: a data key from the database, a tenant key from the KMS.',
  },
  keyhold_key_cache_evictions_total: {
    type: 'counter',
    labels: ['cache', 'reason'],
    help: 'Keys that left memory before their time ended: room (they were still valid, and other keys took their place), ended (the key was denied, locked, changed or deleted).',
  },
  keyhold_key_cache_entries: {
    type: 'gauge',
    labels: ['cache'],
    help: 'Entries in memory. A data key takes up to two.',
  },
  keyhold_key_cache_max_entries: {
    type: 'gauge',
    labels: ['cache'],
    help: 'How many entries there is room for (KEYHOLD_KEY_CACHE_MIB).',
  },
  keyhold_kms_calls_total: {
    type: 'counter',
    labels: ['action', 'region', 'outcome'],
    help: 'Calls to AWS KMS by their outcome: ok, or the code of the error.',
  },
  keyhold_kms_own_refusals_total: {
    type: 'counter',
    labels: ['policy', 'action'],
    help: "Calls to AWS KMS and AWS STS that a policy of Keyhold's own account refused (ERR_KMS_OWN_POLICY), by the type of the policy: identity, permissionsBoundary, session, vpcEndpoint, serviceControl. It is for the operator to correct.",
  },
  keyhold_issuer_sign_ins_total: {
    type: 'counter',
    labels: ['outcome'],
    help: "Sign-ins at AWS STS with identity tokens: ok, denied (by the customer), away (STS did not answer), and faults of this installation's own: pages (AWS cannot fetch its public pages), clock, key (none may sign), unknown (words of AWS that are not known).",
  },
  keyhold_issuer_pages_wrong: {
    type: 'gauge',
    labels: [],
    help: 'How many things are wrong with the public pages of KEYHOLD_ISSUER_URL, as this replica saw them in its last hourly look; 0: none. Absent without an issuer, and before the first look.',
    isOfInstallation: true,
  },
  keyhold_kms_requests_total: {
    type: 'counter',
    labels: ['action', 'region'],
    help: 'Requests that were sent for these calls, including repetitions by the AWS SDK. This is the number that AWS counts.',
  },
  keyhold_kms_call_duration_seconds: {
    type: 'histogram',
    labels: ['action', 'region'],
    help: 'How long calls to AWS KMS took from the moment they were sent, answered or not, including repetitions and pauses.',
  },
  keyhold_kms_waits_total: {
    type: 'counter',
    labels: ['priority', 'outcome'],
    help: 'Calls that waited for their turn or for the budget: began, refused (ERR_KMS_BUDGET), gave-up (after a time-out, or because the caller left).',
  },
  keyhold_kms_wait_seconds_total: {
    type: 'counter',
    labels: ['priority'],
    help: 'How long these calls waited in total.',
  },
  keyhold_kms_calls_running: {
    type: 'gauge',
    labels: [],
    help: 'Calls for requests of the data plane that run or wait for their turn, for all keys together.',
  },
  keyhold_keys: {
    type: 'gauge',
    labels: ['state', 'cause'],
    help: 'Registered keys by their health, as the API shows it, and by the code of the error behind it (none: healthy). From the database, counted at times.',
    isOfInstallation: true,
  },
  keyhold_key_state_changes_total: {
    type: 'counter',
    labels: ['state', 'cause'],
    help: 'Changes of the health of keys that this replica noticed, in any region, by the new state and the code of the error.',
  },
  keyhold_key_probes_total: {
    type: 'counter',
    labels: ['outcome'],
    help: 'Probes of keys by this replica: answered (the KMS said how the key is), proven (an answer of just now had said it, and nothing was asked), undecided (the KMS could not be asked, such as for lack of budget), unused (no tenant key depends on the key any more), failed (the probe itself failed: see the log).',
  },
  keyhold_tenants: {
    type: 'gauge',
    labels: ['locked'],
    help: 'Tenants by whether their administrator has locked them: true, false. From the database, counted at times.',
    isOfInstallation: true,
  },
  keyhold_key_jobs: {
    type: 'gauge',
    labels: ['kind', 'phase'],
    help: 'Key jobs (`migration`, `rotation`) by phase, including ended ones. From the database, ended ones counted at times.',
    isOfInstallation: true,
  },
  keyhold_key_jobs_paused: {
    type: 'gauge',
    labels: ['cause'],
    help: 'Running key jobs whose last try failed, by the code of the error. From the database.',
    isOfInstallation: true,
  },
  keyhold_key_job_cipherkeys: {
    type: 'gauge',
    labels: ['state'],
    help: 'Cipherkeys of running key jobs: total, copied, verified, failed. From the database.',
    isOfInstallation: true,
  },
  keyhold_key_job_failures_open: {
    type: 'gauge',
    labels: [],
    help: 'Cipherkeys that running key jobs have set aside and that nobody has accepted. From the database.',
    isOfInstallation: true,
  },
  keyhold_cipherkeys_rewrapped_total: {
    type: 'counter',
    labels: [],
    help: 'Cipherkeys that the threads of this replica have rewrapped.',
  },
  keyhold_audit_checkpoints_total: {
    type: 'counter',
    labels: ['outcome'],
    help: 'Checkpoints of the audit trail by this replica: signed; contradicted (a chain that is not as it was signed before, at each look: see the log); not-kept (the file in `KEYHOLD_STATE_DIR` could not be read or written).',
  },
  keyhold_generations_kept_total: {
    type: 'counter',
    labels: ['outcome'],
    help: 'How often this replica has written what it has verified of generations into `KEYHOLD_STATE_DIR`: kept; not-kept (it could not be written, and is tried again: see the log).',
  },
  keyhold_jobs: {
    type: 'gauge',
    labels: ['state'],
    help: 'Jobs in the queue: queued, active. From the database.',
    isOfInstallation: true,
  },
  keyhold_database_up: {
    type: 'gauge',
    labels: [],
    help: '1 if the database answered this scrape within two seconds, otherwise 0. Without its answer the metrics from the database are missing.',
  },
  keyhold_tls_certificate_expiry_seconds: {
    type: 'gauge',
    labels: ['file'],
    help: 'How long the files of TLS are still valid; below 0: one has ended. By file, and of several in it the first to end: certificate, client-ca, client-crl (until its next update).',
  },
  keyhold_tls_files_unusable: {
    type: 'gauge',
    labels: [],
    help: '1 while the files of TLS cannot be used as they are now (see the log), so that those from before serve; otherwise 0.',
  },
  keyhold_clock_skew_seconds: {
    type: 'gauge',
    labels: [],
    help: "By how much this replica's clock is ahead of the database's; below 0: behind. The database's clock is read every ten seconds.",
  },
  keyhold_destructions_blocked: {
    type: 'gauge',
    labels: [],
    help: '1 while these two clocks differ by more than 60 seconds, so that this replica destroys nothing that has fallen due, otherwise 0.',
  },
  keyhold_database_connections: {
    type: 'gauge',
    labels: ['state'],
    help: 'Connections of the pool by state: busy, idle.',
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
