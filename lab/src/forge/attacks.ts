// Everything that somebody who writes to the database can do to one row, made from the table of columns: no attack is written
// down by hand, so a new column is attacked from the day on which it is there.
import { hash } from 'node:crypto'
import type { SeededRandom } from '../../../testkit/src/statistics/seeded-random.ts'
import { standings } from '../../../testkit/src/untrusted-database/columns.ts'
import { steeringKinds, type SteeringKind } from '../../../server/src/store/authentic/steering-kinds.ts'
import { asOwner, keptTables } from './kept-rows.ts'
import type { CatalogColumn } from './catalog.ts'
import { otherValue } from './other-value.ts'

export interface Attack {
  table: string
  /** Undefined: it concerns whole rows. */
  column: string | undefined
  name: AttackName
  /** The statements of one transaction. */
  sql: string
  /** Rows that are changed, and then signed as another installation under the same root key would sign them. */
  signsAsClone?: SteeringKind
}

export const columnAttacks = ['changed', 'null', 'of another row', 'of another tenant', 'older'] as const
export const tableAttacks = [
  'inserted',
  'deleted',
  'exchanged',
  'put back after a change',
  'put back after its deletion',
  'of a clone',
] as const
/** A whole tenant, or everything, as it was. */
export const sliceAttacks = ['put back with its anchors'] as const
export type AttackName =
  | (typeof columnAttacks)[number]
  | (typeof tableAttacks)[number]
  | (typeof sliceAttacks)[number]

const primaryKeys: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(Object.values(steeringKinds).map(({ table, key }) => [table, key])),
  audit_checkpoints: ['chain', 'number'],
  cipherkeys: ['tenant_id', 'data_key_id', 'version'],
  dr_drill_history: ['tenant_id', 'id'],
  dr_drills: ['tenant_id'],
  key_job_failure_counts: ['key_job_id', 'tenant_key_version', 'code'],
  key_job_reports: ['key_job_id'],
  key_name_counts: ['tenant_id'],
  key_probes: ['tenant_id', 'fingerprint'],
  kms_usage: ['tenant_id', 'day', 'region', 'account', 'action', 'outcome', 'paid_by'],
  metric_counts: ['id'],
  retired_tenant_ids: ['id'],
  tenant_locks: ['tenant_id'],
}

const tenantColumnOf = (columns: ReadonlySet<string>, table: string) =>
  table === 'tenants'
    ? 'id'
    : columns.has('tenant_id')
      ? 'tenant_id'
      : columns.has('chain')
        ? 'chain'
        : undefined

/**
 * All attacks on columns and rows.
 *
 * @param foreignArn - the attacker's key
 * @param plantedKeyId - of an API key that he makes up
 */
export function makeAttacks(
  catalog: readonly CatalogColumn[],
  { foreignArn, plantedKeyId }: { foreignArn: string; plantedKeyId: string },
): Attack[] {
  const byTable = Map.groupBy(catalog, ({ table }) => table)
  const attacks: Attack[] = []
  const add = (attack: Omit<Attack, 'sql'>, ...statements: string[]) => {
    attacks.push({ ...attack, sql: statements.join(';\n') })
  }

  for (const { table, column, standing } of standings()) {
    if (!keptTables.includes(table)) continue
    const columns = byTable.get(table) ?? []
    const found = columns.find((each) => each.column === column)
    const key = primaryKeys[table] ?? []
    if (found === undefined || key.length === 0) continue
    const change = (name: AttackName, value: string, from = '') => {
      // The key of a row is changed too: as if it were another row.
      add({ table, column, name }, `update keyhold.${table} t set ${column} = ${value} ${from}`)
    }
    const value = otherValue(found, foreignArn)
    change('changed', value)
    if (standing !== 'authenticated') continue
    if (found.isNullable) change('null', 'null')
    const names = new Set(columns.map((each) => each.column))
    const tenant = tenantColumnOf(names, table)
    const keyOf = (alias: string) => `row(${key.map((each) => `${alias}.${each}`).join()})`
    const another = (where: string) =>
      `coalesce((select o.${column} from base.${table} o where ${keyOf('o')} <> ${keyOf('t')} and ${where}
        and o.${column} is distinct from t.${column} order by ${keyOf('o')} limit 1), t.${column})`
    if (tenant === undefined) change('of another row', another('true'))
    else {
      change('of another row', another(`o.${tenant} is not distinct from t.${tenant}`))
      change('of another tenant', another(`o.${tenant} is distinct from t.${tenant}`))
    }
    change('older', `o.${column}`, `from older.${table} o where ${keyOf('o')} = ${keyOf('t')}`)
  }

  for (const table of keptTables)
    add({ table, column: undefined, name: 'deleted' }, `delete from keyhold.${table}`)

  // No two rows may encrypt under one name at any moment, as new ones could not be inserted without that condition.
  for (const column of ['key_name', 'created_at'])
    add(
      { table: 'cipherkeys', column, name: 'exchanged' },
      `update keyhold.cipherkeys set state = 'decrypt-only'`,
      `with ordered as (
          select *, row_number() over (partition by tenant_id order by data_key_id) as n, count(*) over (partition by tenant_id) as rows
          from base.cipherkeys where state = 'active')
        update keyhold.cipherkeys c set ${column} = b.${column} from ordered a join ordered b
          on b.tenant_id = a.tenant_id and b.n = a.n % a.rows + 1
        where (c.tenant_id, c.data_key_id, c.version) = (a.tenant_id, a.data_key_id, a.version)`,
      `update keyhold.cipherkeys c set state = o.state from base.cipherkeys o
        where (c.tenant_id, c.data_key_id, c.version) = (o.tenant_id, o.data_key_id, o.version)`,
    )

  for (const kind of Object.keys(steeringKinds) as SteeringKind[]) {
    const { table, key } = steeringKinds[kind]
    const columns = (byTable.get(table) ?? []).map(({ column }) => column)
    const all = columns.join()
    const keyOf = (alias: string) => `row(${key.map((each) => `${alias}.${each}`).join()})`
    const rest = columns.filter((column) => !(key as readonly string[]).includes(column))
    const tell = (name: AttackName, ...statements: string[]) => {
      add({ table, column: undefined, name }, ...statements)
    }
    // Two kinds of rows may share a table, and the MACs of both go along.
    if (kind !== 'keyJobProgress') {
      tell(
        'inserted',
        `insert into keyhold.${table} (${all}) select ${columns
          .map((column) => newKeyOf(table, column, plantedKeyId))
          .join()} from base.${table} ${table === 'api_keys' ? bestApiKey : ''} on conflict do nothing`,
      )
      const inOrder = `select *, row_number() over (order by ${key.join()}) as n, count(*) over () as rows from base.${table}`
      // Each row has what stood in the next one. Two rows at a time would meet unique columns on the way.
      if (rest.length > 0 && table !== 'installation')
        tell(
          'exchanged',
          `delete from keyhold.${table}`,
          `with ordered as (${inOrder}) insert into keyhold.${table} (${[...key, ...rest].join()})
            select ${[...key.map((each) => `a.${each}`), ...rest.map((each) => `b.${each}`)].join()}
            from ordered a join ordered b on b.n = a.n % a.rows + 1`,
        )
      if (rest.length > 0)
        tell(
          'put back after a change',
          `update keyhold.${table} t set (${rest.join()}) = (select ${rest.map((each) => `o.${each}`).join()}
            from older.${table} o where ${keyOf('o')} = ${keyOf('t')})
            where exists (select from older.${table} o where ${keyOf('o')} = ${keyOf('t')})`,
        )
      tell(
        'put back after its deletion',
        `insert into keyhold.${table} (${all}) select ${all} from older.${table} on conflict do nothing`,
      )
    }
    const gains = gainOf[kind]
    add(
      { table, column: undefined, name: 'of a clone', signsAsClone: kind },
      `update keyhold.${table} t set ${gains.replaceAll('$arn', `'${foreignArn}'`)}`,
    )
  }

  for (const [name, where] of [
    ['closed', `'closed'`],
    ['byok', `'byok'`],
    ['everything', undefined],
  ] as const) {
    const statements = [...byTable.keys()]
      .filter((table) => keptTables.includes(table))
      .flatMap((table) => {
        const names = new Set((byTable.get(table) ?? []).map(({ column }) => column))
        const tenant = tenantColumnOf(names, table)
        if (where !== undefined && tenant === undefined) return []
        const rows = where === undefined ? '' : `where ${String(tenant)} = ${where}`
        return [
          `delete from keyhold.${table} ${rows}`,
          `insert into keyhold.${table} select * from older.${table} ${rows}`,
        ]
      })
    add({ table: `(${name})`, column: undefined, name: 'put back with its anchors' }, ...statements)
  }
  // Those of whole rows and slices first: they find most.
  return attacks
    .toSorted((a, b) => Number(a.column !== undefined) - Number(b.column !== undefined))
    .map((attack) => ({ ...attack, sql: `begin; ${asOwner} ${attack.sql}; commit` }))
}

/** A change that an attacker with a clone of the installation would have it sign. */
const gainOf: Readonly<Record<SteeringKind, string>> = {
  fence: `current_fingerprint = id, external_id = gen_random_uuid(), fence_epoch = fence_epoch + 1`,
  guard: 'locked_at = null, locked_by = null, key_cache_ttl_seconds = null, generation = generation + 1',
  tenantKey: `key_arn = $arn, reached_as = 'self'`,
  keyProvider: `key_arn = $arn, role_arn = null`,
  keyJobTerms: `target_key_arn = $arn`,
  keyJobProgress: `phase = 'cutover', failed = 0, failures_digest = null`,
  keyJobFailure: `accepted_at = created_at, accepted_by = 'ak_innocent'`,
  destruction: `due_at = scheduled_at, cancelled_at = null, cancelled_by = null`,
  minimumVersion: 'minimum_version = 2',
  apiKey: `role = 'operator', tenant_id = null`,
  keyHealth: `state = 'healthy', code = null`,
  installation: 'api_key_generation = 0, generation = generation + 1',
  formerSigningKey: `public_key = sha256(public_key)`,
  issuerKey: `signs_from = created_at`,
  setupLink: `uses = 0`,
  session: `role = 'operator', tenant_id = null`,
  audit: `hash = sha256(hash)`,
  auditHead: `hash = sha256(hash)`,
  setupDraft: `choices = '{"account":"666666666666"}'`,
  brand: `name = 'Evil'`,
}

const newId = 'gen_random_uuid()'

/** All copies of API keys get the id that the attacker's token names, so the first one counts. */
const bestApiKey = `order by tenant_id = 'internal' and role = 'service' desc nulls last`

/** Of an API key in the form from before: nobody without the root key makes an id of the present one. */
export const plantedSecret = 'A'.repeat(43)
const plantedSecretHash = hash('sha256', plantedSecret, 'hex')

/** A copy gets a key of its own, and comes alive where that is to the attacker's advantage. */
function newKeyOf(table: string, column: string, plantedKeyId: string): string {
  const made: Readonly<Record<string, string>> = {
    'installation.id': newId,
    'tenants.id': `id || '-copy'`,
    'tenant_guards.tenant_id': `tenant_id || '-copy'`,
    'tenant_keys.version': 'version + 10',
    'tenant_keys.id': newId,
    'tenant_keys.state': `'active'`,
    'key_providers.fingerprint': 'md5(fingerprint)',
    'key_providers.is_current': 'false',
    'key_jobs.id': newId,
    'key_jobs.phase': `'prepare'`,
    'key_jobs.completed_at': 'null',
    'key_jobs.cancelled_at': 'null',
    'key_jobs.led_by': 'null',
    'key_jobs.lead_expires_at': 'null',
    'key_jobs.retry_at': 'null',
    'key_job_failures.data_key_id': newId,
    'key_job_failures.accepted_at': 'created_at',
    'key_job_failures.accepted_by': `'ak_innocent'`,
    'destructions.id': newId,
    'destructions.due_at': 'scheduled_at',
    'destructions.cancelled_at': 'null',
    'destructions.cancelled_by': 'null',
    'destructions.destroyed_at': 'null',
    'destructions.jws': 'null',
    'minimum_versions.data_key_id': newId,
    // One of them: the others conflict.
    'api_keys.id': `'${plantedKeyId}'`,
    'api_keys.secret_hash': `decode('${plantedSecretHash}', 'hex')`,
    'key_health.region': `'eu-north-1'`,
    'key_health.state': `'healthy'`,
    'former_signing_keys.number': 'number + 1000',
    'former_signing_keys.id': `id || 'copy'`,
    'former_signing_keys.successor_id': `successor_id || 'copy'`,
    'issuer_keys.id': `id || 'copy'`,
    'sessions.id': `id || 'copy'`,
    'setup_links.id': `id || 'copy'`,
    'setup_links.api_key_id': `api_key_id || 'copy'`,
    'audits.sequence': 'sequence + 1000',
    'audits.id': newId,
    'audit_heads.chain': `chain || '-copy'`,
  }
  return made[`${table}.${column}`] ?? column
}

export function nameOf({ table, column, name }: Attack): string {
  return `${table}${column === undefined ? '' : `.${column}`} ${name}`
}

/**
 * Where a run goes on that ended early: by the number that it printed, by the attack's name, or by a table or column, whose
 * attacks on columns come after all those on whole rows.
 *
 * @throws RangeError if there is no such attack
 */
export function indexOfAttack(attacks: readonly Attack[], from: string): number {
  const at = /^[0-9]+$/.test(from)
    ? Number(from) - 1
    : attacks.findIndex(
        (attack) =>
          nameOf(attack) === from ||
          (attack.column !== undefined && [attack.table, `${attack.table}.${attack.column}`].includes(from)),
      )
  if (attacks[at] === undefined) throw new RangeError(`there is no attack ${from} among ${attacks.length}`)
  return at
}

/** One attack of each sort on each table, or so many of these. */
export function sampleOf(attacks: readonly Attack[], count: number, random: SeededRandom): Attack[] {
  const groups = [...Map.groupBy(attacks, ({ table, name }) => `${table} ${name}`).values()]
  const shuffled = groups
    .map((group) => ({ attack: random.pick(group), at: random.next() }))
    .toSorted((a, b) => a.at - b.at)
  return shuffled.slice(0, count).map(({ attack }) => attack)
}
