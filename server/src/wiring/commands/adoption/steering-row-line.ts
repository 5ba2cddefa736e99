// A row that steers as one line, with what an operator can judge: names, key ARNs, roles, times. Never a wrapped key or a hash.
import { isRootKeyArn } from '../../../kms/internal-kms.ts'
import type { SteeringRow } from '../../../store/authentic/steering-rows.ts'
import { steeringKinds, type SteeringKind } from '../../../store/authentic/steering-kinds.ts'
import { shown } from '../../../driver/shown-text.ts'

interface Shape {
  /** Columns that are shown. */
  columns: readonly string[]
  /** Whether a row that nobody has changed is worth a line. Default: all are. */
  matters?: (values: SteeringRow['values']) => boolean
}

const never = () => false

const shapes: Record<SteeringKind, Shape> = {
  fence: {
    columns: ['name', 'active_tenant_key_version', 'current_fingerprint', 'live_job_id'],
    matters: never,
  },
  guard: { columns: ['locked_at', 'locked_by'], matters: ({ locked_at: lockedAt }) => lockedAt !== null },
  tenantKey: {
    columns: ['state', 'key_arn', 'reached_as', 'role_arn', 'created_at'],
    matters: ({ key_arn: keyArn, state }) => state !== 'destroyed' && !isRootKeyArn(String(keyArn)),
  },
  keyProvider: {
    columns: ['key_arn', 'role_arn', 'role_access', 'alias_arn', 'replica_regions'],
    matters: ({ kms }) => kms !== 'internal',
  },
  keyJobTerms: { columns: ['kind', 'source_key_arn', 'target_key_arn', 'created_at', 'cancelled_at'] },
  keyJobProgress: {
    columns: ['phase', 'target_version'],
    matters: ({ phase }) => phase !== 'done' && phase !== 'aborted',
  },
  keyJobFailure: {
    columns: ['code', 'accepted_by', 'accepted_at'],
    matters: ({ accepted_at: acceptedAt }) => acceptedAt !== null,
  },
  destruction: {
    columns: ['kind', 'key_name', 'scheduled_by', 'due_at'],
    matters: ({ cancelled_at: cancelledAt, destroyed_at: destroyedAt }) =>
      cancelledAt === null && destroyedAt === null,
  },
  minimumVersion: { columns: ['minimum_version'] },
  apiKey: { columns: ['role', 'name', 'created_at', 'expires_at'] },
  keyHealth: { columns: ['state', 'code', 'since'], matters: ({ state }) => state !== 'healthy' },
  installation: { columns: ['root_key_id', 'signing_key_id'] },
  formerSigningKey: { columns: ['id', 'valid_from', 'valid_to', 'successor_id'] },
  issuerKey: { columns: ['id', 'created_at', 'signs_from'] },
  setupDraft: { columns: ['step', 'choices', 'changed_by', 'changed_at'] },
  brand: { columns: ['name', 'changed_by', 'changed_at'] },
  session: { columns: ['kind', 'role', 'name', 'issuer', 'subject', 'api_key_id', 'created_at'] },
  setupLink: { columns: ['intent', 'created_by', 'expires_at', 'uses', 'max_uses'] },
  audit: { columns: [], matters: never },
  auditHead: { columns: ['sequence'], matters: never },
}

/** Undefined: the row is one of many like it, and only counted. */
export function steeringRowLine(row: SteeringRow): string | undefined {
  const { columns, matters } = shapes[row.kind]
  if (row.fault === 'unsigned' && matters !== undefined && !matters(row.values)) return undefined
  return rowLine(row, columns)
}

/** All that the row's MAC covers, but bytes: these say nothing to a person. */
export function fullRowFacts(row: SteeringRow): string {
  return `${row.kind}: ${factsOf(row, Object.keys(steeringKinds[row.kind].columns))} (${words[row.fault ?? 'right']})`
}

function rowLine(row: SteeringRow, columns: readonly string[]): string {
  const { kind, key, tenantId, fault } = row
  const where = `${steeringKinds[kind].table} tenant=${quoted(tenantId ?? '-')} key=${quoted(key.join('/'))}`
  return `${where} ${factsOf(row, columns)} (${words[fault ?? 'right']})`
}

function factsOf({ values }: SteeringRow, columns: readonly string[]): string {
  return columns
    .map((column) => [column, values[column]] as const)
    .filter(([, value]) => value !== null && !Buffer.isBuffer(value))
    .map(([column, value]) => `${column}=${quoted(textOf(value))}`)
    .join(' ')
}

const words = {
  unsigned: 'no MAC',
  forged: 'WRONG MAC: changed by an older version, or by somebody beside Keyhold',
  missing: 'missing',
  older: 'older than another one that was seen',
  incomplete: 'does not agree with other rows of the tenant',
  outdated: 'made under a root key that is not here',
  right: 'right MAC',
} as const

/** In quotes where it could pass for something else in the line. */
function quoted(text: string): string {
  return /^[\w:./@+,-]+$/.test(text) ? text : `"${shown(text)}"`
}

function textOf(value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  return Array.isArray(value) ? value.map(String).join(',') : String(value)
}
