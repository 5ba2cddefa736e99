// A statement about a tenant's table names its tenant by value, wherever it reads or writes such a table: so the schema can be
// distributed by tenant (docs/scale.md). Those that look across tenants are few, and listed here with their reason.
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { decryptAll, encryptUnder, plaintextOf } from '../../../../testkit/src/http/api.ts'
import { statementOf } from '../../../../testkit/src/database/statement-of.ts'
import { startTestServer, type TestServer } from '../../../../testkit/src/server/start-test-server.ts'
import { migrateTo, providers, registerKey, reset } from '../../http/scene.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

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
  ['the sweep: old counts', /^delete from keyhold\.kms_usage where ctid = /],
  ['a key job, by its id', /^update "keyhold"\."key_jobs" .* where "id" = /],
  [
    'a key job, by its id, with the fence',
    /^with fence as .* found as materialized \(select 1 as place, j\.\* from keyhold\.key_jobs j where id = /,
  ],
]

test('every statement about the table of tenants names one, but for those that are listed', async () => {
  const columns = await server.query(`select table_name as name from information_schema.columns
    where table_schema = 'keyhold' and column_name = 'tenant_id' and table_name !~ '_p[0-9][0-9]$'`)
  const tables = new Map(columns.map(({ name }) => [String(name), 'tenant_id']))
  tables.set('tenants', 'id')
  expect(tables.size).toBeGreaterThan(12)
  const statements = await statementsOf(async () => {
    const tenant = await server.createTenant()
    const { fingerprint } = await registerKey(server, tenant)
    const tokens = await encryptUnder(server.url, tenant, ['one', 'two'])
    await migrateTo(server, tenant, fingerprint)
    expect(await decryptAll(server.url, tenant, tokens)).toEqual([plaintextOf('one'), plaintextOf('two')])
    for (const [method, path] of [
      ['GET', providers],
      ['GET', `${providers}/${fingerprint}`],
      ['GET', `${providers}/${fingerprint}/usage`],
      ['POST', reset],
    ] as const)
      await server.request(method, path, { token: tenant.adminToken })
    await server.sweep()
  })
  expect(statements.size).toBeGreaterThan(50)
  const across: string[] = []
  for (const [text, values] of statements) {
    const [row = {}] = await server.query(`explain (verbose, format json) ${text}`, values)
    const [explained] = row['QUERY PLAN'] as [{ Plan: Plan }]
    if (withoutTenant(explained.Plan, tables).length > 0) across.push(text.replaceAll(/\s+/g, ' ').trim())
  }
  // The sweep looks across tenants: so the plans are read.
  expect(across).toContainEqual(
    expect.stringMatching(/^select tenant_id, version, destroy_after::text as due_at /),
  )
  expect(across.filter((text) => !acrossTenants.some(([, form]) => form.test(text)))).toEqual([])
})
