// The tables as the queries see them. schema/migrations/ explains them.
import type { AliasProblem } from '@keyhold/core'
import type { ColumnType, Generated } from 'kysely'

/** Set by the database. */
type Stamp = ColumnType<Date, never, never>

/** Signed, and so known before the insert. */
type SignedStamp = ColumnType<Date, Date, never>

/** Authenticates the row: authentic/row-macs.ts makes it. */
type Mac = Generated<Buffer | null>

interface InstallationTable {
  id: string
  root_key_id: string
  root_key_check_value: Buffer
  created_at: ColumnType<Date, Date, never>
  signing_key_id: string | null
  signing_public_key: Buffer | null
  signing_private_key_wrapped: Buffer | null
  generation: Generated<number>
  api_key_generation: Generated<number>
  issuer_keys_from: Generated<Date | null>
  mac: Mac
}

/** Written once. */
interface IssuerKeysTable {
  id: string
  created_at: SignedStamp
  signs_from: SignedStamp
  private_key_wrapped: Buffer
  mac: Mac
}

/** Written once. */
interface FormerSigningKeysTable {
  number: number
  id: string
  /** SubjectPublicKeyInfo, DER. */
  public_key: Buffer
  valid_from: ColumnType<Date, Date, never>
  valid_to: ColumnType<Date, Date, never>
  successor_id: string
  /** Compact JWS, by this key. */
  statement: string
  /** Compact JWS over the same, by its successor. */
  counterstatement: string
  mac: Mac
}

interface TenantsTable {
  id: string
  name: string
  fence_epoch: Generated<number>
  active_tenant_key_version: number
  created_at: SignedStamp
  external_id: string
  key_cache_ttl_seconds: ColumnType<number | null, never, number | null>
  ending_at: Date | null
  incarnation: string
  generation: Generated<number>
  active_tenant_key_id: Generated<string | null>
  current_fingerprint: Generated<string | null>
  live_job_id: Generated<string | null>
  manifest: Generated<Buffer | null>
  mac: Mac
}

/** The row of a tenant that never waits for its fence. */
interface TenantGuardsTable {
  tenant_id: string
  incarnation: string
  generation: Generated<number>
  locked_at: Date | null
  locked_by: string | null
  lock_reason: Generated<string | null>
  key_cache_ttl_seconds: number | null
  api_key_generation: Generated<number>
  mac: Mac
}

interface RetiredTenantIdsTable {
  id: string
  retired_at: Stamp
}

interface KeyProvidersTable {
  tenant_id: string
  fingerprint: string
  kms: 'internal' | 'aws'
  key_arn: string
  name: string
  description: string
  is_current: boolean
  created_at: SignedStamp
  promoted_at: Date | null
  demoted_at: Date | null
  inspection: ColumnType<unknown, string | null, string | null>
  inspected_at: Date | null
  role_arn: string | null
  /** Null: with the tenant's external id, if there is a role. */
  role_access: Generated<'web-identity' | null>
  alias_arn: string | null
  alias_key_arn: string | null
  alias_checked_at: Date | null
  alias_problem: AliasProblem | null
  alias_problem_key_arn: string | null
  replica_regions: Generated<string[] | null>
  mac: Mac
}

export type TenantKeyState = 'pending' | 'active' | 'decrypt-only' | 'destroyed'

interface TenantKeysTable {
  tenant_id: string
  version: number
  id: string
  state: TenantKeyState
  key_arn: string
  wrapped: Buffer | null
  key_check_value: Buffer
  created_at: SignedStamp
  destroy_after: Date | null
  destroyed_at: Date | null
  /** Null: its key provider has to tell how its key is reached. */
  reached_as: Generated<'internal' | 'self' | 'role' | 'web-identity' | null>
  role_arn: Generated<string | null>
  external_id: Generated<string | null>
  replica_regions: Generated<string[] | null>
  /** Says what the wraps under it bind. Null: format 1. */
  format: Generated<2 | null>
  mac: Mac
}

/** Retired: its version is below the minimum, and it is not used until the minimum is lowered. */
export type CipherkeyState = 'active' | 'decrypt-only' | 'retired'

interface CipherkeysTable {
  tenant_id: string
  data_key_id: string
  version: number
  key_name: string | null
  state: CipherkeyState
  tenant_key_version: number
  wrapped: Buffer
  key_check_value: Buffer
  /** Bound into the wrap, and so known before the insert. */
  created_at: SignedStamp
}

interface MinimumVersionsTable {
  tenant_id: string
  data_key_id: string
  minimum_version: number
  mac: Mac
}

interface KeyNameCountsTable {
  tenant_id: string
  names: number
}

export type KeyJobPhase = 'prepare' | 'dual' | 'copy' | 'verify' | 'cutover' | 'done' | 'aborting' | 'aborted'

/** A migration to another KEK, or a new tenant key version under the same one. */
export type KeyJobKind = 'migration' | 'rotation'

interface KeyJobsTable {
  id: string
  tenant_id: string
  kind: KeyJobKind
  phase: KeyJobPhase
  source_fingerprint: string
  source_key_arn: string
  source_version: number
  target_fingerprint: string
  target_key_arn: string
  target_version: number | null
  epoch: number | null
  copied_to_data_key_id: string | null
  copied_to_version: number | null
  total: Generated<number>
  copied: Generated<number>
  failed: Generated<number>
  last_error: ColumnType<unknown, string | null, string | null>
  created_at: SignedStamp
  completed_at: Date | null
  led_by: string | null
  lead_expires_at: Date | null
  retry_at: Date | null
  verified: Generated<number>
  retry_count: Generated<number>
  cancelled_at: Date | null
  copy_started_at: Date | null
  copy_ended_at: Date | null
  verification: ColumnType<unknown, string | null, string | null>
  verified_to: ColumnType<unknown, string | null, string | null>
  mac: Mac
  progress_mac: Mac
  /** Of last_error, verification and verified_to, 32 bytes each; zeros for one that is null. */
  json_digests: Generated<Buffer | null>
  /** Of the failures that were found when the verification ended; null before. */
  failures_digest: Generated<Buffer | null>
}

interface KeyJobFailuresTable {
  key_job_id: string
  data_key_id: string
  version: number
  code: string
  created_at: Stamp
  tenant_key_version: number | null
  accepted_at: Date | null
  accepted_by: string | null
  mac: Mac
}

/** Kept by the database itself. */
interface KeyJobFailureCountsTable {
  key_job_id: ColumnType<string, never, never>
  /** 0: not known. */
  tenant_key_version: ColumnType<number, never, never>
  code: ColumnType<string, never, never>
  open: ColumnType<number, never, never>
  accepted: ColumnType<number, never, never>
}

interface KeyJobReportsTable {
  key_job_id: string
  jws: string
  created_at: Stamp
}

interface TenantLocksTable {
  tenant_id: string
  locked_at: ColumnType<Date, Date, never>
  locked_by: string
}

/** The answer of a KMS about a key. health/ explains the states. */
export type KeyHealthState =
  | 'healthy'
  | 'denied'
  | 'disabled'
  | 'pendingDeletion'
  | 'notFound'
  | 'throttled'
  | 'unreachable'
  | 'misconfigured'

interface KeyHealthTable {
  tenant_id: string
  fingerprint: string
  region: string
  state: KeyHealthState
  code: string | null
  action: string | null
  policy: string | null
  since: Date
  checked_at: Date
  candidate_state: KeyHealthState | null
  mac: Mac
}

interface KeyProbesTable {
  tenant_id: string
  fingerprint: string
  due_at: Date
  claimed_until: Date | null
  urgency: Generated<number>
  failures: Generated<number>
}

interface ChangesTable {
  id: Generated<number>
  xid: Generated<string>
  origin: string
  content: ColumnType<unknown, string, never>
  created_at: Stamp
}

interface KmsUsageTable {
  tenant_id: string
  day: ColumnType<Date, string, never>
  region: string
  account: string
  action: string
  outcome: string
  paid_by: 'keyhold' | 'customer'
  calls: number
  requests: number
}

/** The whole tenant, one of its data keys with all its versions, or single cipherkeys that do not open. */
export type DestructionKind = 'tenant' | 'data-key' | 'cipherkeys'

interface DestructionsTable {
  cipherkeys: ColumnType<unknown, string | null, never>
  id: string
  tenant_id: string
  kind: DestructionKind
  key_name: string | null
  data_key_id: string | null
  scheduled_by: string
  scheduled_at: SignedStamp
  due_at: Date
  cancelled_by: string | null
  cancelled_at: Date | null
  destroyed_at: Date | null
  jws: string | null
  begun_at: Date | null
  claimed_by: string | null
  claimed_until: Date | null
  progress: ColumnType<unknown, string | null, string | null>
  described: ColumnType<unknown, string | null, string | null>
  cipherkeys_digest: Generated<Buffer | null>
  mac: Mac
}

interface AuditsTable {
  chain: string
  sequence: number
  id: string
  at: Date
  actor_id: string
  actor_role: string | null
  action: string
  target_kind: string
  target_id: string
  trace_id: string | null
  details: ColumnType<Record<string, string>, string, never>
  hash: Buffer
  mac: Mac
}

interface AuditHeadsTable {
  chain: string
  sequence: Generated<number>
  hash: Generated<Buffer>
  mac: Mac
}

interface AuditCheckpointsTable {
  chain: string
  number: number
  jws: string
}

interface DrDrillsTable {
  tenant_id: string
  id: string
  jws: string
  created_at: ColumnType<Date, never, Date>
}

interface DrDrillHistoryTable {
  tenant_id: string
  id: string
  jws: string
}

interface SetupDraftsTable {
  tenant_id: string
  version: number
  step: string
  /** JSON. */
  choices: string
  created_by: string
  created_at: ColumnType<Date, Date, Date>
  changed_by: string
  changed_at: ColumnType<Date, Date, Date>
  expires_at: ColumnType<Date, Date, Date>
  mac: Mac
}

interface BrandTable {
  id: string
  version: number
  name: string
  accent: string | null
  logo: Buffer | null
  logo_type: string | null
  contact: string | null
  imprint_url: string | null
  privacy_url: string | null
  terms_url: string | null
  changed_by: string
  changed_at: ColumnType<Date, Date, Date>
  mac: Mac
}

interface ReplicasTable {
  id: string
  started_at: Stamp
  seen_at: Stamp
  host: Generated<string | null>
  version: Generated<string | null>
  root_key_id: Generated<string | null>
  requires_macs: Generated<boolean | null>
  knows_api_key_limits: Generated<boolean | null>
  knows_web_identity: Generated<boolean | null>
}

/** The rights of a caller. */
export type ApiKeyRole =
  | 'tenant-admin'
  | 'service'
  | 'service-encrypt'
  | 'auditor'
  | 'security-officer'
  | 'operator'
  | 'setup'

interface ApiKeysTable {
  id: string
  secret_hash: Buffer
  role: ApiKeyRole
  tenant_id: string | null
  name: string
  created_at: ColumnType<Date, Date, never>
  expires_at: Generated<Date | null>
  scopes: Generated<string[] | null>
  addresses: Generated<string[] | null>
  created_by: Generated<string | null>
  responsible: Generated<string | null>
  predecessor_id: Generated<string | null>
  generation: Generated<number>
  mac: Mac
}

interface ApiKeyUsesTable {
  api_key_id: string
  used_at: Date
}

interface SessionsTable {
  id: string
  secret_hash: Buffer
  kind: 'browser' | 'cli'
  api_key_id: string | null
  issuer: string | null
  subject: string | null
  provider_session: string | null
  name: string
  role: ApiKeyRole
  tenant_id: string | null
  scopes: string[] | null
  created_at: ColumnType<Date, Date, never>
  signed_in_at: ColumnType<Date, Date, never>
  seen_at: Date
  ends_at: ColumnType<Date, Date, never>
  mac: Mac
}

interface SetupLinksTable {
  id: string
  tenant_id: string
  intent: 'key-provider'
  api_key_id: string
  secret_hash: Buffer
  created_at: ColumnType<Date, Date, never>
  created_by: string
  expires_at: ColumnType<Date, Date, never>
  max_uses: number
  uses: number
  mac: Mac
}

interface MetricCountsTable {
  id: Generated<boolean>
  counted_at: Date | null
  took_ms: Generated<number>
  counts: ColumnType<unknown, string | null, string | null>
}

export interface Tables {
  installation: InstallationTable
  former_signing_keys: FormerSigningKeysTable
  issuer_keys: IssuerKeysTable
  tenants: TenantsTable
  tenant_guards: TenantGuardsTable
  retired_tenant_ids: RetiredTenantIdsTable
  key_providers: KeyProvidersTable
  tenant_keys: TenantKeysTable
  cipherkeys: CipherkeysTable
  minimum_versions: MinimumVersionsTable
  key_name_counts: KeyNameCountsTable
  key_jobs: KeyJobsTable
  key_job_failures: KeyJobFailuresTable
  key_job_failure_counts: KeyJobFailureCountsTable
  key_job_reports: KeyJobReportsTable
  tenant_locks: TenantLocksTable
  key_health: KeyHealthTable
  key_probes: KeyProbesTable
  changes: ChangesTable
  kms_usage: KmsUsageTable
  destructions: DestructionsTable
  dr_drills: DrDrillsTable
  dr_drill_history: DrDrillHistoryTable
  setup_drafts: SetupDraftsTable
  brand: BrandTable
  audits: AuditsTable
  audit_heads: AuditHeadsTable
  audit_checkpoints: AuditCheckpointsTable
  api_keys: ApiKeysTable
  api_key_uses: ApiKeyUsesTable
  sessions: SessionsTable
  setup_links: SetupLinksTable
  replicas: ReplicasTable
  metric_counts: MetricCountsTable
}
