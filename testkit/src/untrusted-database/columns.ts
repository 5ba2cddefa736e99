// How far each column of the database is believed, which somebody else may write to. Each column stands in one list:
//
// - authenticated: a MAC covers it. The code's own list of kinds says so, and it is not written here once more.
// - anchored: an authenticated column of another row, or a digest in one, says the same. That one decides.
// - self-authenticating: it carries its proof, such as a wrap that opens under one name alone, or a signature.
// - volatile: it says when something is done, or by whom. A lie delays or repeats work that is safe to repeat.
// - shown: people see it, and nothing follows from it.
import { steeringKinds, type SteeringKind } from '../../../server/src/store/authentic/steering-kinds.ts'

export type Standing = 'authenticated' | 'anchored' | 'self-authenticating' | 'volatile' | 'shown'

/** Why a column needs no MAC of its own: the half of a sentence that begins with the column. */
type Reason = readonly [standing: Exclude<Standing, 'authenticated'>, because: string]

export interface StandingOfColumn {
  table: string
  column: string
  standing: Standing
  /** The kinds of rows whose MACs cover it. Empty: its standing is another one. */
  kinds: readonly SteeringKind[]
  /** Empty where a MAC covers it. */
  because: string
}

const chained: Reason = ['anchored', 'is covered by the hash of its record, which has a MAC']
const wrap: Reason = ['self-authenticating', 'is bound into the wrap, which opens under no other']
const fact: Reason = [
  'self-authenticating',
  'is bound into the wrap by tenant key versions of format 2 (gap under format 1: exchanged names)',
]
const signed: Reason = ['self-authenticating', 'must be what the signed text names']
const signature: Reason = ['self-authenticating', 'is signed, and is opened before it is shown']
const ofTheAlias: Reason = ['shown', 'tells what the alias led to when it was last asked']
const ofTheGuard: Reason = ['anchored', 'is what replicas of an earlier state read; the guard decides']
const ofTheLead: Reason = ['volatile', 'says which replica is at work; two at once do what one would']
const ofTheProbe: Reason = ['volatile', 'says when a key is probed next, not what the probe found']
const counted: Reason = ['shown', 'is an account of calls']
const signOfLife: Reason = ['volatile', 'is a sign of life that a replica renews every few seconds']
const ofTheUse: Reason = ['shown', 'tells when a key was last used; nobody is let in or refused for it']
const ofFailures: Reason = ['shown', 'counts failures for lists; what decides counts verified rows']
const message: Reason = ['volatile', 'tells replicas to look at a row again, which is then verified']
const ofTheSchema: Reason = ['volatile', 'can only keep a server from starting']

const columnsWithoutMac: Readonly<Record<string, Readonly<Record<string, Reason>>>> = {
  api_key_uses: { api_key_id: ofTheUse, used_at: ofTheUse },
  audit_checkpoints: { chain: signed, number: signed, jws: signature },
  audits: {
    id: chained,
    at: chained,
    actor_id: chained,
    actor_role: chained,
    action: chained,
    target_kind: chained,
    target_id: chained,
    trace_id: chained,
    details: chained,
  },
  changes: { id: message, xid: message, origin: message, content: message, created_at: message },
  cipherkeys: {
    tenant_id: wrap,
    data_key_id: wrap,
    version: wrap,
    key_name: fact,
    state: ['volatile', 'finds the version to encrypt with; below the authenticated minimum none opens'],
    tenant_key_version: wrap,
    wrapped: ['self-authenticating', 'opens under one tenant key, for one tenant, data key and version'],
    key_check_value: ['self-authenticating', 'is an HMAC by the data key itself'],
    created_at: fact,
  },
  destructions: {
    cipherkeys: ['anchored', 'has its digest in the signed row'],
    progress: ['anchored', 'has its digest in the signed row'],
    described: ['anchored', 'has its digest in the signed row'],
    claimed_by: ofTheLead,
    claimed_until: ofTheLead,
    jws: signature,
  },
  dr_drill_history: { tenant_id: signed, id: signed, jws: signature },
  dr_drills: { tenant_id: signed, id: signed, created_at: signed, jws: signature },
  installation: { singleton: ['volatile', 'keeps a second row out'] },
  key_health: {
    action: ['shown', 'says which permission was refused'],
    policy: ['shown', 'says which policy refused'],
    checked_at: ['shown', 'says when the key was last asked'],
    candidate_state: ['volatile', 'is a state that waits for a second answer of the KMS'],
  },
  key_job_failure_counts: {
    key_job_id: ofFailures,
    tenant_key_version: ofFailures,
    code: ofFailures,
    open: ofFailures,
    accepted: ofFailures,
  },
  key_job_reports: { key_job_id: signed, created_at: signed, jws: signature },
  key_jobs: {
    last_error: ['anchored', 'has its digest in the signed row'],
    verification: ['anchored', 'has its digest in the signed row'],
    verified_to: ['anchored', 'has its digest in the signed row'],
    led_by: ofTheLead,
    lead_expires_at: ofTheLead,
    retry_at: ['volatile', 'says when a key job is tried again'],
    retry_count: ['volatile', 'says how long its pauses have become'],
  },
  key_name_counts: {
    tenant_id: ['volatile', 'says whose names are counted'],
    names: ['volatile', 'holds against the quota of names alone'],
  },
  key_probes: {
    tenant_id: ofTheProbe,
    fingerprint: ofTheProbe,
    due_at: ofTheProbe,
    claimed_until: ofTheProbe,
    urgency: ofTheProbe,
    failures: ofTheProbe,
  },
  key_providers: {
    name: ['shown', 'is a text of the administrator'],
    description: ['shown', 'is a text of the administrator'],
    is_current: ['anchored', 'is an index; the fence states the current key provider'],
    promoted_at: ['shown', 'says since when it has been current'],
    demoted_at: ['shown', 'says until when it was current'],
    inspection: ['shown', 'tells what a test found; the regions that may stand in have a MAC'],
    inspected_at: ['shown', 'says when it was tested'],
    alias_key_arn: ofTheAlias,
    alias_checked_at: ofTheAlias,
    alias_problem: ofTheAlias,
    alias_problem_key_arn: ofTheAlias,
  },
  kms_usage: {
    tenant_id: counted,
    day: counted,
    region: counted,
    account: counted,
    action: counted,
    outcome: counted,
    paid_by: counted,
    calls: counted,
    requests: counted,
  },
  metric_counts: {
    id: ['shown', 'keeps a second row out'],
    counted_at: ['shown', 'is a figure for metrics'],
    took_ms: ['volatile', 'says how often tables are counted'],
    counts: ['shown', 'is a figure for metrics'],
  },
  replicas: {
    id: signOfLife,
    started_at: signOfLife,
    seen_at: signOfLife,
    host: signOfLife,
    version: signOfLife,
    root_key_id: signOfLife,
    requires_macs: signOfLife,
    knows_api_key_limits: signOfLife,
    knows_web_identity: signOfLife,
  },
  retired_tenant_ids: {
    id: ['volatile', 'keeps an id from being used again; an incarnation keeps old rows dead all the same'],
    retired_at: ['shown', 'says when the tenant was deleted'],
  },
  schema_migrations: { name: ofTheSchema, timestamp: ofTheSchema },
  schema_migrations_lock: { id: ofTheSchema, is_locked: ofTheSchema },
  tenant_locks: { tenant_id: ofTheGuard, locked_at: ofTheGuard, locked_by: ofTheGuard },
  tenants: { key_cache_ttl_seconds: ofTheGuard },
}

const kindNames = Object.keys(steeringKinds) as SteeringKind[]

/** The columns that MACs cover, the MACs themselves included. */
function authenticatedColumns(): StandingOfColumn[] {
  const found = new Map<string, StandingOfColumn>()
  for (const kind of kindNames) {
    const { table, columns, mac } = steeringKinds[kind]
    for (const column of [...Object.keys(columns), mac]) {
      const name = `${table}.${column}`
      const kinds = [...(found.get(name)?.kinds ?? []), kind]
      found.set(name, { table, column, standing: 'authenticated', kinds, because: '' })
    }
  }
  return [...found.values()]
}

/** The standing of every column of Keyhold's schema, by table and name. A column may come twice only by mistake. */
export function standings(): StandingOfColumn[] {
  const others = Object.entries(columnsWithoutMac).flatMap(([table, columns]) =>
    Object.entries(columns).map(([column, [standing, because]]): StandingOfColumn => ({
      table,
      column,
      standing,
      kinds: [],
      because,
    })),
  )
  const name = ({ table, column }: StandingOfColumn) => `${table}.${column}`
  return [...authenticatedColumns(), ...others].toSorted((a, b) => (name(a) < name(b) ? -1 : 1))
}
