// Checkpoints of a whole server: in the database, in the log and in the file, at an interval and with every signed head; and a
// disk that fails stops nothing.
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { at, errorCode } from '../http/read-body.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
let lines: Record<string, unknown>[]
let stateDir: string
beforeEach(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'keyhold-state-'))
})
afterEach(async () => {
  await server.stop()
  await rm(stateDir, { recursive: true })
})

async function start(environment: Record<string, string> = {}): Promise<void> {
  lines = []
  const logger = pino(
    { level: 'info' },
    { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  )
  server = await startTestServer(
    { KEYHOLD_METRICS_PORT: '0', KEYHOLD_STATE_DIR: stateDir, ...environment },
    { logger },
  )
}

interface Line {
  jws: string
  checkpoint: { tenantId: string | null; sequence: number; hash: string }
}

const file = () => path.join(stateDir, 'audit-checkpoints.ndjson')
const kept = async (tenantId: string | null) =>
  (await readFile(file(), 'utf8').catch(() => ''))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
    .filter(({ checkpoint }) => checkpoint.tenantId === tenantId)
const stored = async (chain: string) =>
  (
    await server.query('select jws from keyhold.audit_checkpoints where chain = $1 order by number', [chain])
  ).map(({ jws }) => jws)
const logged = (message: string) => lines.filter(({ msg }) => String(msg).includes(message))
const count = async (outcome: string) => {
  const text = await (await fetch(`${server.metricsUrl ?? ''}/metrics`)).text()
  return Number(
    new RegExp(`^keyhold_audit_checkpoints_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm').exec(text)?.[1],
  )
}
const head = async (token: string) =>
  (await server.request('GET', '/api/v1/encryption/audits/head', { token })).body

test('a head that is asked for, and a chain that has moved, have a checkpoint everywhere', async () => {
  await start({ KEYHOLD_AUDIT_CHECKPOINT_SECONDS: '1' })
  const { tenantId, adminToken } = await server.createTenant()
  const { sequence, hash } = at(await head(adminToken), 'head') as Line['checkpoint']
  await expect.poll(() => kept(tenantId)).toMatchObject([{ checkpoint: { sequence, hash } }])
  expect(await stored(tenantId)).toEqual((await kept(tenantId)).map(({ jws }) => jws))

  // Nobody asks for this one.
  await server.request('POST', '/api/v1/encryption/actions/lock', { token: adminToken })
  await expect
    .poll(() => kept(tenantId), { timeout: 10_000 })
    .toMatchObject([{}, { checkpoint: { sequence: sequence + 1 } }])
  await expect.poll(() => kept(null)).not.toEqual([])
  const all = [...(await kept(tenantId)), ...(await kept(null))].map(({ jws }) => jws)
  expect(new Set(logged('checkpoint of the audit trail').map(({ jws }) => jws))).toEqual(new Set(all))
  expect(await count('signed')).toBe(all.length)
  expect([await count('contradicted'), await count('not-kept')]).toEqual([0, 0])
})

test('an older database is told after a restart, and its chains are not signed', async () => {
  await start()
  const { tenantId, adminToken } = await server.createTenant()
  await server.query('create table public.heads as table keyhold.audit_heads')
  await server.query('create table public.checkpoints as table keyhold.audit_checkpoints')
  await server.request('POST', '/api/v1/encryption/actions/lock', { token: adminToken })
  await head(adminToken)
  await expect.poll(() => kept(tenantId)).toHaveLength(1)
  const before = await stored(tenantId)

  for (const table of ['audits', 'audit_heads', 'audit_checkpoints'])
    await server.query(`alter table keyhold.${table} disable trigger all`)
  await server.query('delete from keyhold.audit_checkpoints where chain = $1', [tenantId])
  await server.query('delete from keyhold.audit_heads where chain = $1', [tenantId])
  await server.query('insert into keyhold.audit_heads select * from public.heads where chain = $1', [
    tenantId,
  ])
  await server.query(
    'delete from keyhold.audits where chain = $1 and sequence > (select sequence from public.heads where chain = $1)',
    [tenantId],
  )
  lines = []
  await server.restart()

  await expect
    .poll(() => logged('contradicts its checkpoints'))
    .toMatchObject([{ tenantId, contradiction: 'checkpoint-missing' }])
  // The server of before has told it, too, when it stopped.
  await expect.poll(() => count('contradicted')).toBeGreaterThan(0)
  expect(before).toHaveLength(1)
  expect(await stored(tenantId)).toEqual([])
})

slowTest(
  'with a forged head nothing of that tenant is changed and nothing is signed, and others go on',
  async () => {
    await start()
    const { tenantId, adminToken } = await server.createTenant()
    const other = await server.createTenant()
    await server.query("update keyhold.audit_heads set hash = sha256('forged') where chain = $1", [tenantId])
    const lock = (token: string) => server.request('POST', '/api/v1/encryption/actions/lock', { token })

    const refusals = [
      await lock(adminToken),
      await server.request('GET', '/api/v1/encryption/audits/head', { token: adminToken }),
    ]
    for (const { status, body } of refusals)
      expect([status, errorCode(body)]).toEqual([503, 'ERR_RECORD_NOT_AUTHENTIC'])
    expect(await server.query('select from keyhold.tenant_locks')).toEqual([])
    expect((await lock(other.adminToken)).status).toBe(200)
    expect(at(await head(other.adminToken), 'head', 'sequence')).toBe(3)
  },
)

slowTest('a file that can be neither read nor written is told, and stops nothing', async () => {
  await mkdir(file())
  await start({ KEYHOLD_AUDIT_CHECKPOINT_SECONDS: '1' })
  const { tenantId, adminToken } = await server.createTenant()
  expect(at(await head(adminToken), 'head', 'sequence')).toBe(2)

  await expect.poll(() => count('not-kept')).toBeGreaterThan(0)
  expect(logged('not kept in the file')).not.toEqual([])
  expect(await stored(tenantId)).toHaveLength(1)
  await rm(file(), { recursive: true })
  await expect
    .poll(() => kept(tenantId), { timeout: 10_000 })
    .toMatchObject([{ checkpoint: { sequence: 2 } }])
})
