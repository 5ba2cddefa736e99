// A statement about a tenant's table names its tenant by value, wherever it reads or writes such a table: so the schema can be
// distributed by tenant (docs/scale.md). Those that look across tenants are few, and listed here with their reason.
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { adoptRows, completeRows } from '../../../src/store/authentic/adopt-rows.ts'
import { openDatabaseClock } from '../../../src/store/database-clock.ts'
import { openDatabase } from '../../../src/store/database.ts'
import { createStore, type Store } from '../../../src/store/store.ts'
import { PinnedClient, pinnedConfig } from '../../../src/driver/pinned-client.ts'
import { decryptAll, encryptUnder, plaintextOf } from '../../../../testkit/src/http/api.ts'
import { openTestMacs } from '../../../../testkit/src/database/test-macs.ts'
import { statementOf } from '../../../../testkit/src/database/statement-of.ts'
import { makeDue } from '../../../../testkit/src/server/make-due.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { migrateTo, providers, registerKey, reset } from '../../http/scene.ts'

let server: TestServer
/** By the tables of tenants: the column that names the tenant. */
let tables: ReadonlyMap<string, string>
/** All that a tenant's life sends to the database, and then its end. */
let statements: { ofLife: ReadonlyMap<string, unknown[]>; ofEnd: ReadonlyMap<string, unknown[]> }
beforeAll(async () => {
  server = await startTestServer()
  const columns = await server.query(`select table_name as name from information_schema.columns
    where table_schema = 'keyhold' and column_name = 'tenant_id' and table_name !~ '_p[0-9][0-9]$'`)
  tables = new Map([
    ...columns.map(({ name }): [string, string] => [String(name), 'tenant_id']),
    ['tenants', 'id'],
  ])
  let tenant: TestTenant | undefined
  const ofLife = await statementsOf(async () => {
    tenant = await live()
  })
  statements = { ofLife, ofEnd: await statementsOf(() => end(tenant)) }
})
afterAll(() => server.stop())

async function ask(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  token: string,
  body?: object,
): Promise<unknown> {
  const reply = await server.request(method, path, { token, ...(body !== undefined && { body }) })
  expect(reply.status).toBeLessThan(300)
  return reply.body
}

async function live(): Promise<TestTenant> {
  const tenant = await server.createTenant()
  const { fingerprint } = await registerKey(server, tenant)
  const tokens = await encryptUnder(server.url, tenant, ['one', 'two'])
  await migrateTo(server, tenant, fingerprint)
  expect(await decryptAll(server.url, tenant, tokens)).toEqual([plaintextOf('one'), plaintextOf('two')])
  for (const [method, path] of [
    ['GET', providers],
    ['GET', `${providers}/${fingerprint}`],
    ['GET', `${providers}/${fingerprint}/usage`],
    ['GET', '/api/v1/api-keys'],
    ['POST', reset],
  ] as const)
    await ask(method, path, tenant.adminToken)
  const index = { keyName: 'mail' }
  await ask('POST', '/api/v1/encryption/data-keys/blind-index', tenant.serviceToken, index)
  await server.sweep()
  return tenant
}

const endlessMs = 10 * 365 * 86_400_000

/** Work of commands and replicas besides. */
async function withStore(work: (store: Store) => Promise<void>): Promise<void> {
  const db = openDatabase(server.databaseConnection(), {
    ...{ maxConnections: 2, applicationName: 'test', onError: () => undefined },
  })
  try {
    await work(createStore(db, await openDatabaseClock(db), { macs: await openTestMacs(db) }))
  } finally {
    await db.destroy()
  }
}

/** Of one of its API keys, and of the tenant. */
async function end({ tenantId }: Pick<TestTenant, 'tenantId'> = { tenantId: '' }): Promise<void> {
  const operator = server.operatorToken
  const key = await ask('POST', '/api/v1/api-keys', operator, { role: 'service', tenantId })
  await withStore(async (store) => {
    await completeRows(store, tenantId)
    await adoptRows(store, tenantId, () => true)
    await store.generations.readGuard(tenantId)
    expect((await store.apiKeys.listEnding(endlessMs)).length).toBeGreaterThan(1)
  })
  await ask('DELETE', `/api/v1/api-keys/${(key as { id: string }).id}`, operator)
  const path = `/api/v1/tenants/${tenantId}/actions/schedule-deletion`
  const deletion = await ask('POST', path, operator, { inDays: 7 })
  await makeDue(server, (deletion as { id: string }).id)
  await server.sweep()
}

type Query = (this: pg.Client, ...values: unknown[]) => Promise<unknown>

/** The statements that `work` sends, each once, with its values. */
async function statementsOf(work: () => Promise<void>): Promise<Map<string, unknown[]>> {
  const statements = new Map<string, unknown[]>()
  const clients = pg.Client.prototype as unknown as { query: Query }
  const { query } = clients
  vi.spyOn(clients, 'query').mockImplementation(function (this: pg.Client, ...values) {
    const sent = statementOf(values)
    if (sent !== undefined && /\bkeyhold"?\./.test(sent.text)) statements.set(sent.text, sent.values ?? [])
    return query.apply(this, values)
  })
  await work()
  vi.restoreAllMocks()
  return statements
}

interface Plan {
  'Node Type': string
  'Relation Name'?: string
  Alias?: string
  Plans?: Plan[]
  [condition: string]: unknown
}

const conditions = [
  'Index Cond',
  'Recheck Cond',
  'Filter',
  'Hash Cond',
  'Merge Cond',
  'Join Filter',
  'TID Cond',
]

/** The tables that are read without a tenant: neither the node nor one above it says which. */
function withoutTenant(
  plan: Plan,
  tables: ReadonlyMap<string, string>,
  above: readonly string[] = [],
): string[] {
  const own = conditions.flatMap((name) => (typeof plan[name] === 'string' ? [plan[name]] : []))
  const all = [...above, ...own]
  const { 'Relation Name': relation = '', Alias: alias = '' } = plan
  const column = tables.get(relation.replace(/_p\d\d$/, ''))
  const isRead = plan['Node Type'].includes('Scan') && column !== undefined
  const named = `${alias}.${column ?? ''}`
  const isNamed = all.some((text) => text.includes(`${named} = `) || text.includes(`= ${named})`))
  const below = (plan.Plans ?? []).flatMap((each) => withoutTenant(each, tables, all))
  return [...(isRead && !isNamed ? [relation] : []), ...below]
}

// Each of them looks for work of all tenants, or for a row whose tenant nobody knows before it is read.
const acrossTenants: readonly [reason: string, form: RegExp][] = [
  [
    'an API key says which tenant it belongs to',
    /^select "k".* from "keyhold"\."api_keys" as "k" .*"k"\."id" = /,
  ],
  [
    'a key of a KMS may belong to one tenant only',
    /^select exists \( select from keyhold\.key_providers where key_arn = /,
  ],
  ['locked tenants are few, and read together', /^select tenant_id from keyhold\.tenant_locks$/],
  ['the sweep: keys whose health is due', /^with due as \( select p\.tenant_id, p\.fingerprint /],
  [
    'the sweep: key jobs that nobody leads',
    /^select "id", "tenant_id" from "keyhold"\."key_jobs" where "phase" not in /,
  ],
  [
    'the sweep: tenant keys that are due',
    /^select tenant_id, version, destroy_after::text as due_at from keyhold\.tenant_keys /,
  ],
  [
    'the sweep: destructions that are due',
    /^select .* from "keyhold"\."destructions" as "d" where "d"\."cancelled_at" is null /,
  ],
  ['the sweep: tenant keys to rotate', /^select t\.tenant_id, t\.version, t\.created_at::text as due_at /],
  ['the sweep: API keys that end', /^select "k".* from "keyhold"\."api_keys" as "k" .*"k"\."expires_at" > /],
  [
    'the sweep: API keys of no tenant, whose facts are kept',
    /^select "k".* from "keyhold"\."api_keys" as "k" .* where "k"\."tenant_id" is null order by "k"\."id"$/,
  ],
  ['the sweep: uses of API keys', /^insert into keyhold\.api_key_uses /],
  ['the sweep: old counts', /^delete from keyhold\.kms_usage where ctid = /],
  ['a key job, by its id', /^update "keyhold"\."key_jobs" .* where "id" = /],
  [
    'a key job, by its id, with the fence',
    /^with fence as .* found as materialized \(select 1 as place, j\.\* from keyhold\.key_jobs j where id = /,
  ],
]

test('every statement about the table of tenants names one, but for those that are listed', async () => {
  expect(tables.size).toBeGreaterThan(12)
  expect(statements.ofLife.size).toBeGreaterThan(50)
  const across: string[] = []
  for (const [text, values] of statements.ofLife) {
    const [row = {}] = await server.query(`explain (verbose, format json) ${text}`, values)
    const [explained] = row['QUERY PLAN'] as [{ Plan: Plan }]
    if (withoutTenant(explained.Plan, tables).length > 0) across.push(shortened(text))
  }
  // The sweep looks across tenants: so the plans are read.
  expect(across).toContainEqual(
    expect.stringMatching(/^select tenant_id, version, destroy_after::text as due_at /),
  )
  expect(across.filter((text) => !acrossTenants.some(([, form]) => form.test(text)))).toEqual([])
})

const shortened = (text: string) => text.replaceAll(/\s+/g, ' ').trim()

/**
 * The tables that are read as a whole: no index leads to some of their rows. A page in the order of an index is none of them.
 *
 * @param isPage - whether somebody above takes the first rows as they come, and no more
 */
function readThrough(
  plan: Plan,
  growing: ReadonlySet<string>,
  ofFew: ReadonlySet<string>,
  isPage = false,
): string[] {
  const { 'Node Type': type, 'Relation Name': relation = '', 'Index Name': index } = plan
  const isIndexWhole = /^Index (Only )?Scan/.test(type) && plan['Index Cond'] === undefined
  const isWhole = type === 'Seq Scan' || (isIndexWhole && !isPage && !ofFew.has(String(index)))
  const table = relation.replace(/_p\d\d$/, '')
  // Of two that are joined, the first one is read in its order, as far as rows are taken.
  const passesOn = type === 'Limit' || (isPage && type === 'Nested Loop')
  const below = (plan.Plans ?? []).flatMap((each, at) =>
    readThrough(each, growing, ofFew, passesOn && at === 0),
  )
  return [...(isWhole && growing.has(table) ? [table] : []), ...below]
}

/** Of all of them, with indexes wherever they help. */
const plans = new Map<string, Plan>()

test('no statement reads a table through that grows with the tenants', async () => {
  // Of tenants that are locked, and of what waits for one of them, there are few.
  const growing = new Set([...tables.keys(), 'audits', 'audit_heads', 'audit_checkpoints', 'api_key_uses'])
  growing.delete('tenant_locks')
  const partial = await server.query(
    `select indexrelid::regclass::text as name from pg_index where indpred is not null`,
  )
  const ofFew = new Set(partial.map(({ name }) => String(name).replace('keyhold.', '')))
  const client = new PinnedClient(pinnedConfig(server.databaseConnection()))
  await client.connect()
  const through: string[] = []
  try {
    // A table of a few rows is read through, however good its indexes are.
    await client.query('set enable_seqscan = off')
    for (const [text, values] of new Map([...statements.ofLife, ...statements.ofEnd])) {
      const explain = { text: `explain (format json) ${text}`, values }
      const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(explain)
      const [explained] = rows[0]?.['QUERY PLAN'] ?? []
      const found = explained === undefined ? ['no plan'] : readThrough(explained.Plan, growing, ofFew)
      if (explained !== undefined) plans.set(text, explained.Plan)
      if (found.length > 0) through.push(`${found.join()}: ${shortened(text)}`)
    }
  } finally {
    await client.end()
  }
  expect(through).toEqual([])
})

test('API keys that end soon are read by the time of their end, page by page', () => {
  const pages = [...statements.ofEnd.keys()].filter((text) => text.includes('as "ends_at"'))
  expect(pages).toHaveLength(2)
  const last = plans.get(pages[1] ?? '')
  expect(JSON.stringify(last)).toMatch(/"Presorted Key":\["k.expires_at"\]/)
  expect(JSON.stringify(last)).toMatch(/"Index Cond":"[^"]*\(expires_at >= /)
})

test('an index leads from a row that is deleted to those that refer to it', async () => {
  const without = await server.query(`
    select c.conrelid::regclass::text as name, pg_get_constraintdef(c.oid) as key from pg_constraint c
    where c.contype = 'f' and c.connamespace = 'keyhold'::regnamespace and not exists (
      select from pg_index i
      where i.indrelid = c.conrelid and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)`)
  expect(without).toEqual([])
})
