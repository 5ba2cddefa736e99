// `keyhold-server doctor --integrity`: it finds nothing in what Keyhold made, and names each thing that was made beside it.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type pg from 'pg'
import { PinnedClient, pinnedConfig } from '../../src/driver/pinned-client.ts'
import { findIntegrityFaults, integrityStatement } from '../../src/store/integrity-faults.ts'
import { examineIntegrity } from '../../src/wiring/commands/examine-integrity.ts'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { createTenantWithOwnKey } from '../http/scene.ts'
import { doseOf } from '../../../testkit/src/statistics/dose-of.ts'

// It comes after the other ids in the order of the database.
const tenantId = 'zz-tenant'
let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await createTenantWithOwnKey(server)
  const { adminToken: token } = await server.createTenant(tenantId)
  for (const action of ['lock', 'unlock', 'lock']) {
    await server.request('POST', `/api/v1/encryption/actions/${action}`, { token })
    await server.request('GET', '/api/v1/encryption/audits/head', { token })
  }
})
afterAll(() => server.stop())

const examine = async () => (await examineIntegrity(server.settings)).lines

test('beside a running server, what Keyhold made has no fault', async () => {
  expect(await examine()).toEqual([])
})

interface Plan {
  'Node Type': string
  'Subplan Name'?: string
  'Parent Relationship'?: string
  Plans?: Plan[]
  [detail: string]: unknown
}

/** The looks through what was read as a whole, once for each row of something else. */
function repeatedLooks(plan: Plan, isRepeated = false): string[] {
  const type = plan['Node Type']
  const own = isRepeated && ['CTE Scan', 'Seq Scan'].includes(type) ? [JSON.stringify(plan)] : []
  const hashed = Object.values(plan).filter(
    (detail) => typeof detail === 'string' && detail.includes('hashed SubPlan'),
  )
  const below = (plan.Plans ?? []).flatMap((each) => {
    const isSubPlan = each['Parent Relationship'] === 'SubPlan'
    const isInner = type === 'Nested Loop' && each['Parent Relationship'] === 'Inner'
    return repeatedLooks(each, isRepeated || isSubPlan || isInner)
  })
  return [...own, ...hashed.map(String), ...below]
}

test('it takes as long as there are rows: nothing is looked through again for each of them', async () => {
  const plans: Plan[] = []
  const client = new PinnedClient(pinnedConfig(server.databaseConnection()))
  await client.connect()
  try {
    await findIntegrityFaults({
      query: (async (text: string, values?: unknown[]) => {
        if (text === integrityStatement) {
          // Tables of a few rows are read through, however good their indexes are.
          await client.query('set local enable_seqscan = off')
          const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
            `explain (format json) ${text}`,
          )
          plans.push(...(rows[0]?.['QUERY PLAN'] ?? []).map(({ Plan: plan }) => plan))
        }
        return client.query(text, values)
      }) as pg.Client['query'],
    })
  } finally {
    await client.end()
  }
  expect(plans).toHaveLength(1)
  expect(plans.flatMap((plan) => repeatedLooks(plan))).toEqual([])
})

// Each is taken back, so that the next one stands alone.
const untold = (statement: string, table = 'audits') =>
  `alter table keyhold.${table} disable trigger user; ${statement}; alter table keyhold.${table} enable trigger user`
const keepCheckpoints = 'create table if not exists public.checkpoints as table keyhold.audit_checkpoints'
const putCheckpointsBack = untold(
  'delete from keyhold.audit_checkpoints; insert into keyhold.audit_checkpoints table public.checkpoints',
  'audit_checkpoints',
)
/** Of the tenant's chain, which has three. */
function checkpointLies(): [string, string, string, string][] {
  const ofTenant = 'chain = (select max(chain) from public.checkpoints)'
  const lie = (
    number: number,
    why: string,
    about: string,
    statement: string,
  ): [string, string, string, string] => [
    `AUDIT_CHECKPOINT_DIFFERS table=audit_checkpoints tenant=${tenantId} id=${number}: checkpoint ${number} of chain \\"${tenantId}\\" ${why}`,
    about,
    `${keepCheckpoints}; ${untold(statement, 'audit_checkpoints')}`,
    putCheckpointsBack,
  ]
  const from = (number: number) =>
    `(select jws from public.checkpoints where ${ofTenant} and number = ${number})`
  return [
    lie(
      2,
      'is missing',
      'a checkpoint that is gone',
      `delete from keyhold.audit_checkpoints where ${ofTenant} and number = 2`,
    ),
    lie(
      2,
      'is none of this chain and place',
      'a checkpoint in the place of another',
      `update keyhold.audit_checkpoints set jws = ${from(3)} where ${ofTenant} and number = 2`,
    ),
    lie(
      1,
      'is none of this chain and place',
      'no checkpoint in the place of one',
      `update keyhold.audit_checkpoints set jws = 'x' where ${ofTenant} and number = 1`,
    ),
    lie(
      1,
      'is missing',
      'the first ones gone',
      `delete from keyhold.audit_checkpoints where ${ofTenant} and number < 3`,
    ),
    lie(
      3,
      'does not follow from the one before it',
      'one that follows from another',
      `update keyhold.audit_checkpoints set jws = jws || 'x' where ${ofTenant} and number = 2`,
    ),
    lie(
      4,
      'says something else of record 99 than is there',
      'one of a record that is not there',
      `insert into keyhold.audit_checkpoints select chain, 4, ${made(4, 99)} from public.checkpoints where ${ofTenant} and number = 3`,
    ),
    lie(
      4,
      'names no more records than the one before it',
      'one that goes back',
      `insert into keyhold.audit_checkpoints select chain, 4, ${made(4, 1)} from public.checkpoints where ${ofTenant} and number = 3`,
    ),
  ]
}
/** SQL of an unsigned checkpoint that follows from the one in the row. */
function made(number: number, sequence: number): string {
  return `'e30.' || rtrim(translate(replace(encode(convert_to(json_build_object('tenantId', chain, 'number', ${number},
    'sequence', ${sequence}, 'hash', '', 'previous', encode(sha256(convert_to(jws, 'UTF8')), 'hex'))::text, 'UTF8'), 'base64'), E'\n', ''), '+/', '-_'), '=') || '.'`
}
const lies: [string, string, string, string][] = [
  [
    'CHANGE_NOT_RECORDED table=audits tenant=- id=planted000000000',
    'a planted API key',
    "insert into keyhold.api_keys (id, secret_hash, role, name) values ('planted000000000', decode(repeat('00', 32), 'hex'), 'operator', '')",
    "delete from keyhold.api_keys where id = 'planted000000000'",
  ],
  [
    'CHANGE_NOT_RECORDED table=audits tenant=- id=planted-successor',
    'a planted signing key',
    `insert into keyhold.former_signing_keys (number, id, public_key, valid_from, valid_to, successor_id, statement, counterstatement)
      values (1, 'planted', '', now(), now(), 'planted-successor', '', '')`,
    'delete from keyhold.former_signing_keys',
  ],
  [
    'AUDIT_HEAD_DIFFERS table=audit_heads tenant=- id=',
    'a head beyond the last record',
    untold("update keyhold.audit_heads set sequence = sequence + 1 where chain = ''", 'audit_heads'),
    untold("update keyhold.audit_heads set sequence = sequence - 1 where chain = ''", 'audit_heads'),
  ],
  [
    'AUDIT_RECORD_BROKEN table=audits',
    'a record that is changed',
    untold("update keyhold.audits set target_id = target_id || 'x' where action = 'migration.dual'"),
    untold("update keyhold.audits set target_id = rtrim(target_id, 'x') where action = 'migration.dual'"),
  ],
  ...checkpointLies(),
  [
    'KEY_ACCESS_MISSING table=tenant_keys',
    'a version of which nobody knows how its key is reached',
    `create table public.kept as select * from keyhold.key_providers where kms = 'aws';
      create table public.kept_keys as select * from keyhold.tenant_keys;
      delete from keyhold.key_providers where kms = 'aws';
      update keyhold.tenant_keys set reached_as = null, role_arn = null, external_id = null, replica_regions = null`,
    `insert into keyhold.key_providers select * from public.kept;
      update keyhold.tenant_keys t set reached_as = k.reached_as, role_arn = k.role_arn, external_id = k.external_id,
        replica_regions = k.replica_regions from public.kept_keys k
        where (t.tenant_id, t.version) = (k.tenant_id, k.version)`,
  ],
]
test.each(doseOf(lies, 3))('%s: %s', async (found, _, lie, truth) => {
  await server.query(lie)
  const lines = await examine()
  await server.query(truth)

  expect(lines.some((line) => line.startsWith(found))).toBe(true)
  for (const line of lines) expect(line).toMatch(/^[A-Z_]+ table=\w+ tenant=\S+ id=\S*: .+\. .+\.$/)
  expect(await examine()).toEqual([])
})
