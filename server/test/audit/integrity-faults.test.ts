// `keyhold-server doctor --integrity`: it finds nothing in what Keyhold made, and names each thing that was made beside it.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { examineIntegrity } from '../../src/wiring/commands/examine-integrity.ts'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { createTenantWithOwnKey } from '../http/scene.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await createTenantWithOwnKey(server)
})
afterAll(() => server.stop())

const examine = async () => (await examineIntegrity(server.settings)).lines

test('beside a running server, what Keyhold made has no fault', async () => {
  expect(await examine()).toEqual([])
})

// Each is taken back, so that the next one stands alone.
const untold = (statement: string, table = 'audits') =>
  `alter table keyhold.${table} disable trigger user; ${statement}; alter table keyhold.${table} enable trigger user`
const lies: [string, string, string, string][] = [
  [
    'CHANGE_NOT_RECORDED table=audits tenant=- id=planted000000000',
    'a planted API key',
    "insert into keyhold.api_keys (id, secret_hash, role, name) values ('planted000000000', decode(repeat('00', 32), 'hex'), 'operator', '')",
    "delete from keyhold.api_keys where id = 'planted000000000'",
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
test.each(lies)('%s: %s', async (found, _, lie, truth) => {
  await server.query(lie)
  const lines = await examine()
  await server.query(truth)

  expect(lines.some((line) => line.startsWith(found))).toBe(true)
  for (const line of lines) expect(line).toMatch(/^[A-Z_]+ table=\w+ tenant=\S+ id=\S*: .+\. .+\.$/)
  expect(await examine()).toEqual([])
})
