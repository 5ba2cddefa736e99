// When customers' keys are probed next, and which replica does it. A replica claims a probe by moving its due time to the
// end of the claim: if the replica dies, the probe falls due again by itself.
import { unlessFaulty } from './authentic/row-faults.ts'
import { keyArnFingerprint, type CustomerRole, type KeyInspection } from '@keyhold/core'
import { sql } from 'kysely'
import { readEntries, selectEntries } from './authentic/manifest.ts'
import type { Database } from './database.ts'
import { columnsAs, coverReadRows, rowAs } from './fence/covered-rows.ts'
import type { FenceParts } from './fence/fence-row.ts'
import { prepareStatement } from './prepare-statement.ts'
import type { KeyHealthRow } from './key-health.ts'
import { readInspection } from './key-providers/key-provider-row.ts'
import type { KeyHealthState } from './tables.ts'

/** Somebody waits for the answer; the key did not answer well; it did. Each has its share of the probes. */
export const probeUrgencies = ['hastened', 'unhealthy', 'healthy'] as const
export type ProbeUrgency = (typeof probeUrgencies)[number]

/** The known state of a key in one region. */
export interface KnownRegion {
  region: string
  state: KeyHealthState
  /** Whether the last answer contradicts the state, and no second one has confirmed it. */
  isContradicted: boolean
  /** Whether DescribeKey told that the key is refused: calls that use the key may work all the same. */
  isShutByLook: boolean
  /** Since its last answer, by the clock of the database. */
  ageMs: number
}

/** A key to be probed, with all that a probe needs. */
export interface DueProbe {
  tenantId: string
  fingerprint: string
  keyArn: string
  urgency: ProbeUrgency
  /** How many probes in a row failed themselves, whatever the key is like. */
  failures: number
  /** Names the claim: whoever brings the probe forward takes the claim away. */
  claim: string
  /** A stored tenant key to probe it with; undefined: no tenant key depends on the key any more. */
  wrap: { version: number; id: string; wrapped: Buffer; keyCheckValue: Buffer } | undefined
  role: CustomerRole | undefined
  /** The other regions in which the key was last seen. */
  replicaRegions: string[]
  /** Whether the key's policy admits every tenant, as far as the last inspection saw. */
  isOpenToAll: boolean
  hasAlias: boolean
  known: KnownRegion[]
}

/** The end of a claim: when the next probe is due. */
export interface PlannedProbe {
  tenantId: string
  fingerprint: string
  claim: string
  inSeconds: number
  urgency: ProbeUrgency
  failures: number
}

type KeyName = Pick<KeyHealthRow, 'tenantId' | 'fingerprint'>

interface ClaimedRow {
  tenant_id: string
  fingerprint: string
  urgency: number
  failures: number
  claim: string
  inspection: unknown
  known: KnownRegion[]
  entries: Parameters<typeof readEntries>[0]
}

// The repair goes through all key providers, so it takes this many at a time.
const repairAtOnce = 5_000

// Lateral, so that each urgency reads the first of its own due entries and no others. Every replica asks every second.
const claimDue = prepareStatement<
  [hastened: number, unhealthy: number, healthy: number, limit: number, claimSeconds: number],
  ClaimedRow
>(
  (hastened, unhealthy, healthy, limit, claimSeconds) => sql`
    with due as (
      select p.tenant_id, p.fingerprint
      from (values (0, ${hastened}::int), (1, ${unhealthy}::int), (2, ${healthy}::int)) u (urgency, share)
      cross join lateral (
        select tenant_id, fingerprint, due_at from keyhold.key_probes
        where urgency = u.urgency and due_at <= now()
        order by due_at limit u.share for update skip locked
      ) p
      order by u.urgency, p.due_at limit ${limit}::bigint
    ), claimed as (
      update keyhold.key_probes p set due_at = now() + make_interval(secs => ${claimSeconds}::float8)
      from due where p.tenant_id = due.tenant_id and p.fingerprint = due.fingerprint
      returning p.tenant_id, p.fingerprint, p.urgency, p.failures, p.due_at::text as claim
    )
    select c.*, k.inspection, coalesce(h.known, '[]') as known, ${columnsAs('keyProvider', 'k', 'k_')},
      ${columnsAs('fence', 't', 't_')}, ${columnsAs('tenantKey', 'w', 'w_')},
      ${selectEntries(sql.ref('c.tenant_id'))} as entries
    from claimed c join keyhold.key_providers k using (tenant_id, fingerprint)
    join keyhold.tenants t on t.id = c.tenant_id
    left join lateral (
      select json_agg(json_build_object(
        'region', h.region, 'state', h.state, 'isContradicted', h.candidate_state is not null,
        'isShutByLook', coalesce(
          h.action = 'DescribeKey' and h.state not in ('healthy', 'throttled', 'unreachable'), false
        ), 'ageMs', extract(epoch from now() - h.checked_at) * 1000
      )) as known
      from keyhold.key_health h where h.tenant_id = c.tenant_id and h.fingerprint = c.fingerprint
    ) h on true
    left join lateral (
      select t.* from keyhold.tenant_keys t
      where t.tenant_id = k.tenant_id and t.key_arn = k.key_arn and t.wrapped is not null
      order by t.state = 'active' desc, t.version desc limit 1
    ) w on true
    order by c.urgency`,
)

export function keyProbeQueries(db: Database, fences: FenceParts) {
  return {
    /**
     * Claims keys that are due, the most urgent first and then the longest due, at most `limit`, and of each urgency no
     * more than its share. A claim lasts `claimSeconds`. A key whose rows Keyhold did not write, or did not write last, is left
     * out: its claim ends by itself.
     */
    async claim(
      limit: number,
      shares: Record<ProbeUrgency, number>,
      claimSeconds: number,
    ): Promise<DueProbe[]> {
      const { hastened, unhealthy, healthy } = shares
      const rows = await claimDue(db, hastened, unhealthy, healthy, limit, claimSeconds)
      return rows.flatMap((row) => fromRow(row, fences) ?? [])
    },

    /** Plans the next probes. One that was brought forward meanwhile, or whose claim has ended, stays as it is. */
    async plan(planned: readonly PlannedProbe[]): Promise<void> {
      if (planned.length === 0) return
      await sql`
        with locked as (
          select p.tenant_id, p.fingerprint, n.claim, n.seconds, n.urgency, n.failures from unnest(
          ${planned.map(({ tenantId }) => tenantId)}::text[],
          ${planned.map(({ fingerprint }) => fingerprint)}::text[],
          ${planned.map(({ claim }) => claim)}::timestamptz[],
          ${planned.map(({ inSeconds }) => inSeconds)}::float8[],
          ${planned.map(({ urgency }) => probeUrgencies.indexOf(urgency))}::smallint[],
          ${planned.map(({ failures }) => failures)}::int[]
          ) n (tenant_id, fingerprint, claim, seconds, urgency, failures)
          join keyhold.key_probes p
            on p.tenant_id = n.tenant_id and p.fingerprint = n.fingerprint and p.due_at = n.claim
          order by p.tenant_id, p.fingerprint for update of p
        )
        update keyhold.key_probes p set claimed_until = null, urgency = n.urgency, failures = n.failures,
          due_at = now() + make_interval(secs => n.seconds)
        from locked n
        where p.tenant_id = n.tenant_id and p.fingerprint = n.fingerprint and p.due_at = n.claim`.execute(db)
    },

    /** Brings the next probe of a key forward. Answers whether the key is probed at all. */
    async hasten({ tenantId, fingerprint }: KeyName, inSeconds: number): Promise<boolean> {
      const { rows } = await sql`
        update keyhold.key_probes
        set due_at = least(due_at, now() + make_interval(secs => ${inSeconds})), urgency = 0
        where tenant_id = ${tenantId} and fingerprint = ${fingerprint} returning 1`.execute(db)
      return rows.length > 0
    },

    /** Brings the probes of other tenants under the same KEK forward, unless the state is known of theirs already. */
    async hastenOthers(
      { tenantId, fingerprint }: KeyName,
      { region, state }: Pick<KeyHealthRow, 'region' | 'state'>,
      withinSeconds: number,
    ): Promise<void> {
      await sql`
        with locked as (
          select p.tenant_id, p.fingerprint from keyhold.key_providers k
          join keyhold.key_probes p using (tenant_id, fingerprint)
          where k.kms = 'aws' and k.fingerprint = ${fingerprint} and k.tenant_id <> ${tenantId} and p.urgency <> 0
            and not exists (
              select from keyhold.key_health h
              where h.tenant_id = k.tenant_id and h.fingerprint = k.fingerprint and h.region = ${region}
                and h.state = ${state}
            )
          order by p.tenant_id, p.fingerprint for update of p
        )
        update keyhold.key_probes p
        set due_at = least(p.due_at, now() + make_interval(secs => random() * ${withinSeconds})), urgency = 0
        from locked where p.tenant_id = locked.tenant_id and p.fingerprint = locked.fingerprint`.execute(db)
    },

    /** Plans the first probe of a key, if it is registered and no sooner one is planned. */
    // A due time that changes takes the claim from whoever is about to end the probes.
    async begin(
      { tenantId, keyArn }: { tenantId: string; keyArn: string },
      inSeconds: number,
    ): Promise<void> {
      await sql`
        insert into keyhold.key_probes as p (tenant_id, fingerprint, due_at)
        select tenant_id, fingerprint, now() + make_interval(secs => ${inSeconds}) from keyhold.key_providers
        where tenant_id = ${tenantId} and fingerprint = ${keyArnFingerprint(keyArn)} and kms = 'aws'
        on conflict (tenant_id, fingerprint)
          do update set due_at = least(p.due_at, excluded.due_at) - interval '1 microsecond'`.execute(db)
    },

    /**
     * Plans the first probe, within `withinSeconds`, of keys that have none although a stored tenant key depends on them.
     * Tenant keys that are stored now plan their own; this is for those of earlier versions.
     *
     * @param pageLength - how many key providers each statement reads
     */
    async repair(withinSeconds: number, pageLength = repairAtOnce): Promise<void> {
      let after: KeyName = { tenantId: '', fingerprint: '' }
      for (;;) {
        // Each step reads its own page of key providers, and none that another one has read.
        const { rows } = await sql<KeyName & { read: number }>`
          with page as materialized (
            select tenant_id, fingerprint, key_arn, kms from keyhold.key_providers
            where (tenant_id, fingerprint) > (${after.tenantId}, ${after.fingerprint})
            order by tenant_id, fingerprint limit ${pageLength}
          ), planned as (
            insert into keyhold.key_probes (tenant_id, fingerprint, due_at)
            select k.tenant_id, k.fingerprint, now() + make_interval(secs => random() * ${withinSeconds})
            from page k
            where k.kms = 'aws'
              and not exists (
                select from keyhold.key_probes p
                where p.tenant_id = k.tenant_id and p.fingerprint = k.fingerprint
              )
              and exists (
                select from keyhold.tenant_keys t
                where t.tenant_id = k.tenant_id and t.key_arn = k.key_arn and t.wrapped is not null
              )
            order by k.tenant_id, k.fingerprint on conflict do nothing
          )
          select tenant_id as "tenantId", fingerprint, (select count(*) from page) as read
          from page order by tenant_id desc, fingerprint desc limit 1`.execute(db)
        const [last] = rows
        if (last === undefined || last.read < pageLength) return
        after = last
      }
    },

    /** Ends the probes of a key, unless a tenant key has come to depend on it since the claim. */
    async end({
      tenantId,
      fingerprint,
      claim,
    }: Pick<DueProbe, 'tenantId' | 'fingerprint' | 'claim'>): Promise<void> {
      await sql`
        delete from keyhold.key_probes
        where tenant_id = ${tenantId} and fingerprint = ${fingerprint} and due_at = ${claim}::timestamptz`.execute(
        db,
      )
    },
  }
}

/** Undefined: its rows are not as Keyhold wrote them. Nobody goes through a role, or to a key, that somebody else names. */
function fromRow(row: ClaimedRow, fences: FenceParts): DueProbe | undefined {
  const { macs, seen } = fences
  const provider = rowAs('keyProvider', row, 'k_')
  const fence = rowAs('fence', row, 't_')
  const version = rowAs('tenantKey', row, 'w_')
  const { role_arn: roleArn, role_access: roleAccess } = provider
  const { wrapped } = version
  const isRight = unlessFaulty(() => {
    const covered = coverReadRows({ fences }, row.tenant_id, fence, readEntries(row.entries))
    covered.verify('keyProvider', row.fingerprint, provider)
    if (wrapped !== null) covered.verify('tenantKey', version.version, version)
    // Its deletion has begun, or another statement has seen a newer state meanwhile: the next claim tells.
    return covered.fence !== undefined && fence.generation >= seen.get(row.tenant_id)
  })
  if (isRight !== true) return undefined
  // A damaged record is an error where the provider is shown; here it only means that nothing is known.
  const read = readInspection(row.inspection, row.fingerprint)
  const inspection: KeyInspection | undefined = read && 'value' in read ? read.value : undefined
  return {
    tenantId: row.tenant_id,
    fingerprint: row.fingerprint,
    keyArn: provider.key_arn,
    urgency: probeUrgencies[row.urgency] ?? 'healthy',
    failures: row.failures,
    claim: row.claim,
    wrap:
      wrapped === null
        ? undefined
        : { version: version.version, id: version.id, wrapped, keyCheckValue: version.key_check_value },
    role:
      roleArn === null
        ? undefined
        : roleAccess === 'web-identity'
          ? { arn: roleArn, subjectTenantId: row.tenant_id }
          : { arn: roleArn, externalId: fence.external_id },
    // Until the rows are adopted, replicas of the version before keep the regions in the inspection alone.
    replicaRegions: macs.requiresMacs()
      ? (provider.replica_regions ?? [])
      : (inspection?.replicaKeys ?? []).map(({ region }) => region),
    isOpenToAll: inspection?.warnings?.some(({ code }) => code === 'ERR_KEY_POLICY_TOO_WIDE') ?? false,
    hasAlias: provider.alias_arn !== null,
    known: row.known,
  }
}
