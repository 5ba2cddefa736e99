// The kinds of rows that steer: what Keyhold does with keys, callers and data follows from them. Each has a MAC over the
// columns that are named here, all of which a row must have when it is signed or verified. A row that lacks a MAC, or has a
// wrong one, decides nothing. What is not named decides nothing either.
import type { RowColumnType } from '@keyhold/core'
import type { Selectable } from 'kysely'
import type { Tables } from '../tables.ts'

interface KindOfRow {
  table: keyof Tables
  /** The column of its MAC. */
  mac: string
  /** The columns of its primary key, for messages about it. */
  key: readonly string[]
  columns: Readonly<Record<string, RowColumnType>>
}

function kind<Table extends keyof Tables, const Kind extends KindOfRow & { table: Table }>(
  kind: Kind & { columns: Partial<Record<keyof Tables[Table], RowColumnType>> },
): Kind {
  return kind
}

export const steeringKinds = {
  /** It says which keys a tenant has. Its manifest covers the tenant's other rows of that sort. */
  fence: kind({
    table: 'tenants',
    mac: 'mac',
    key: ['id'],
    columns: {
      active_tenant_key_id: 'uuid',
      active_tenant_key_version: 'integer',
      created_at: 'time',
      current_fingerprint: 'text',
      ending_at: 'time',
      external_id: 'uuid',
      fence_epoch: 'integer',
      generation: 'integer',
      id: 'text',
      incarnation: 'uuid',
      live_job_id: 'uuid',
      manifest: 'bytes',
      name: 'text',
    },
  }),
  /** Decisions of a tenant's administrator: the lock, settings, which API keys hold. It never waits for the fence. */
  guard: kind({
    table: 'tenant_guards',
    mac: 'mac',
    key: ['tenant_id'],
    columns: {
      api_key_generation: 'integer',
      generation: 'integer',
      incarnation: 'uuid',
      key_cache_ttl_seconds: 'integer',
      lock_reason: 'text',
      locked_at: 'time',
      locked_by: 'text',
      tenant_id: 'text',
    },
  }),
  tenantKey: kind({
    table: 'tenant_keys',
    mac: 'mac',
    key: ['tenant_id', 'version'],
    columns: {
      created_at: 'time',
      destroy_after: 'time',
      destroyed_at: 'time',
      external_id: 'uuid',
      format: 'integer',
      id: 'uuid',
      key_arn: 'text',
      key_check_value: 'bytes',
      reached_as: 'text',
      replica_regions: 'texts',
      role_arn: 'text',
      state: 'text',
      tenant_id: 'text',
      version: 'integer',
      wrapped: 'bytes',
    },
  }),
  /** The terms of a key provider. Which one is current stands in the fence. */
  keyProvider: kind({
    table: 'key_providers',
    mac: 'mac',
    key: ['tenant_id', 'fingerprint'],
    columns: {
      alias_arn: 'text',
      created_at: 'time',
      fingerprint: 'text',
      key_arn: 'text',
      kms: 'text',
      replica_regions: 'texts',
      role_access: 'text',
      role_arn: 'text',
      tenant_id: 'text',
    },
  }),
  /** The task of a key job. It is in the manifest. */
  keyJobTerms: kind({
    table: 'key_jobs',
    mac: 'mac',
    key: ['id'],
    columns: {
      cancelled_at: 'time',
      created_at: 'time',
      id: 'uuid',
      kind: 'text',
      source_fingerprint: 'text',
      source_key_arn: 'text',
      source_version: 'integer',
      target_fingerprint: 'text',
      target_key_arn: 'text',
      tenant_id: 'text',
    },
  }),
  /** How far a key job is. Chunks write it while others share the fence, so it is not in the manifest. */
  keyJobProgress: kind({
    table: 'key_jobs',
    mac: 'progress_mac',
    key: ['id'],
    columns: {
      completed_at: 'time',
      copied: 'integer',
      copied_to_data_key_id: 'uuid',
      copied_to_version: 'integer',
      copy_ended_at: 'time',
      copy_started_at: 'time',
      epoch: 'integer',
      failed: 'integer',
      failures_digest: 'bytes',
      id: 'uuid',
      json_digests: 'bytes',
      phase: 'text',
      target_version: 'integer',
      total: 'integer',
      verified: 'integer',
    },
  }),
  keyJobFailure: kind({
    table: 'key_job_failures',
    mac: 'mac',
    key: ['key_job_id', 'data_key_id', 'version'],
    columns: {
      accepted_at: 'time',
      accepted_by: 'text',
      code: 'text',
      created_at: 'time',
      data_key_id: 'uuid',
      key_job_id: 'uuid',
      tenant_key_version: 'integer',
      version: 'integer',
    },
  }),
  destruction: kind({
    table: 'destructions',
    mac: 'mac',
    key: ['id'],
    columns: {
      begun_at: 'time',
      cancelled_at: 'time',
      cancelled_by: 'text',
      cipherkeys_digest: 'bytes',
      data_key_id: 'uuid',
      destroyed_at: 'time',
      due_at: 'time',
      id: 'uuid',
      key_name: 'text',
      kind: 'text',
      scheduled_at: 'time',
      scheduled_by: 'text',
      tenant_id: 'text',
    },
  }),
  /** Versions of a data key below the minimum do not open. No row: there is no minimum. */
  minimumVersion: kind({
    table: 'minimum_versions',
    mac: 'mac',
    key: ['tenant_id', 'data_key_id'],
    columns: { data_key_id: 'uuid', minimum_version: 'integer', tenant_id: 'text' },
  }),
  /** It holds only while its generation is that of its tenant's guard, or of the installation. */
  apiKey: kind({
    table: 'api_keys',
    mac: 'mac',
    key: ['id'],
    columns: {
      addresses: 'texts',
      created_at: 'time',
      created_by: 'text',
      expires_at: 'time',
      generation: 'integer',
      id: 'text',
      name: 'text',
      predecessor_id: 'text',
      responsible: 'text',
      role: 'text',
      scopes: 'texts',
      secret_hash: 'bytes',
      tenant_id: 'text',
    },
  }),
  keyHealth: kind({
    table: 'key_health',
    mac: 'mac',
    key: ['tenant_id', 'fingerprint', 'region'],
    columns: {
      code: 'text',
      fingerprint: 'text',
      region: 'text',
      since: 'time',
      state: 'text',
      tenant_id: 'text',
    },
  }),
  installation: kind({
    table: 'installation',
    mac: 'mac',
    key: ['id'],
    columns: {
      api_key_generation: 'integer',
      created_at: 'time',
      generation: 'integer',
      id: 'uuid',
      issuer_keys_from: 'time',
      root_key_check_value: 'bytes',
      root_key_id: 'text',
      signing_key_id: 'text',
      signing_private_key_wrapped: 'bytes',
      signing_public_key: 'bytes',
    },
  }),
  /** A key that has signed before the present one. Its own statements are signed, too: by itself, and by the key after it. */
  formerSigningKey: kind({
    table: 'former_signing_keys',
    mac: 'mac',
    key: ['number'],
    columns: {
      counterstatement: 'text',
      id: 'text',
      number: 'integer',
      public_key: 'bytes',
      statement: 'text',
      successor_id: 'text',
      valid_from: 'time',
      valid_to: 'time',
    },
  }),
  /** It signs in at customers' clouds. Those that were made before the installation's `issuer_keys_from` count for nothing. */
  issuerKey: kind({
    table: 'issuer_keys',
    mac: 'mac',
    key: ['id'],
    columns: { created_at: 'time', id: 'text', private_key_wrapped: 'bytes', signs_from: 'time' },
  }),
  /** How far the people of a tenant are in setting up their key. They confirm what it shows. */
  setupDraft: kind({
    table: 'setup_drafts',
    mac: 'mac',
    key: ['tenant_id'],
    columns: {
      changed_at: 'time',
      changed_by: 'text',
      choices: 'text',
      created_at: 'time',
      created_by: 'text',
      expires_at: 'time',
      step: 'text',
      tenant_id: 'text',
      version: 'integer',
    },
  }),
  /** It is shown before anybody has signed in. */
  brand: kind({
    table: 'brand',
    mac: 'mac',
    key: ['id'],
    columns: {
      accent: 'text',
      changed_at: 'time',
      changed_by: 'text',
      contact: 'text',
      id: 'text',
      imprint_url: 'text',
      logo: 'bytes',
      logo_type: 'text',
      name: 'text',
      privacy_url: 'text',
      terms_url: 'text',
      version: 'integer',
    },
  }),
  /** It is never changed but for its last use. */
  session: kind({
    table: 'sessions',
    mac: 'mac',
    key: ['id'],
    columns: {
      api_key_id: 'text',
      created_at: 'time',
      ends_at: 'time',
      id: 'text',
      issuer: 'text',
      kind: 'text',
      name: 'text',
      provider_session: 'text',
      role: 'text',
      scopes: 'texts',
      secret_hash: 'bytes',
      seen_at: 'time',
      signed_in_at: 'time',
      subject: 'text',
      tenant_id: 'text',
    },
  }),
  /** It holds as long as its API key does. */
  setupLink: kind({
    table: 'setup_links',
    mac: 'mac',
    key: ['id'],
    columns: {
      api_key_id: 'text',
      created_at: 'time',
      created_by: 'text',
      expires_at: 'time',
      id: 'text',
      intent: 'text',
      max_uses: 'integer',
      secret_hash: 'bytes',
      tenant_id: 'text',
      uses: 'integer',
    },
  }),
  /** The hash covers all of a record. */
  audit: kind({
    table: 'audits',
    mac: 'mac',
    key: ['chain', 'sequence'],
    columns: { chain: 'text', hash: 'bytes', sequence: 'integer' },
  }),
  auditHead: kind({
    table: 'audit_heads',
    mac: 'mac',
    key: ['chain'],
    columns: { chain: 'text', hash: 'bytes', sequence: 'integer' },
  }),
} as const

export type SteeringKind = keyof typeof steeringKinds

/** The columns of a row that its MAC covers. */
export type SignedRow<Kind extends SteeringKind> = Pick<
  Selectable<Tables[(typeof steeringKinds)[Kind]['table']]>,
  keyof (typeof steeringKinds)[Kind]['columns'] &
    keyof Selectable<Tables[(typeof steeringKinds)[Kind]['table']]>
>

/** The columns of its primary key. */
export type KeyColumn<Kind extends SteeringKind> = (typeof steeringKinds)[Kind]['key'][number] &
  keyof SignedRow<Kind>

/** Such a row with its MAC. */
export type StoredRow<Kind extends SteeringKind> = SignedRow<Kind> &
  Record<(typeof steeringKinds)[Kind]['mac'], Buffer | null>

/** The names of the columns that a reader of such rows selects: those that the MAC covers, and the MAC. */
export function columnsOfKind<Kind extends SteeringKind>(kind: Kind): (keyof StoredRow<Kind> & string)[] {
  const { columns, mac } = steeringKinds[kind]
  return [...Object.keys(columns), mac] as (keyof StoredRow<Kind> & string)[]
}
