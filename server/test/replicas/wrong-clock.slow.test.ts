// Replicas whose own clocks are wrong. The database's clock says how old things are and when they are due; a wrong clock
// destroys nothing, makes nothing anew and writes no wrong time.
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call as callAny, encryptUnder } from '../../../testkit/src/http/api.ts'
import { keyholdSettings } from '../../../testkit/src/process/keyhold-settings.ts'
import { serveInProcess } from '../../../testkit/src/process/serve-in-process.ts'
import { startQuietServer } from '../../../testkit/src/server/start-quiet-server.ts'
import { startTestServer } from '../../../testkit/src/server/start-test-server.ts'
import { createTenant } from '../../../testkit/src/tenants/create-tenant.ts'
import {
  databaseUrl,
  openTestPostgres,
  type TestPostgres,
} from '../../../testkit/src/database/test-database.ts'
import { warmRootKey } from '../../../testkit/src/database/warm-start.ts'
import { readMetrics } from '../metrics/read-metrics.ts'
import { resignDatabase } from '../../../testkit/src/database/resign.ts'
import { makeDue } from '../../../testkit/src/server/make-due.ts'

const [hour, day] = [3_600_000, 86_400_000]
const api = '/api/v1/encryption'
const waits = { timeout: 20_000, interval: 50 }

let postgres: TestPostgres
let folder: string
beforeAll(async () => {
  postgres = await openTestPostgres()
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-clock-'))
  await cp(warmRootKey(), path.join(folder, 'root-key'))
})
afterAll(async () => {
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
})

async function call(...asked: Parameters<typeof callAny>): Promise<unknown> {
  const { status, body } = await callAny(...asked)
  if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`)
  return body
}

/** A module that Node runs before the server: every use of the date in that process is wrong, those of its packages included. */
function wrongDate(aheadMs: number): string {
  const script = `
    const now = Date.now
    const wrong = () => now() + ${aheadMs}
    globalThis.Date = new Proxy(Date, {
      construct: (target, values, of) => Reflect.construct(target, values.length === 0 ? [wrong()] : values, of),
      get: (target, name, of) => name === 'now' ? wrong : Reflect.get(target, name, of),
    })`
  return `data:text/javascript,${encodeURIComponent(script)}`
}

async function metricsOf(url: string) {
  const { value } = readMetrics(await (await fetch(`${url}/metrics`)).text())
  return [value('keyhold_destructions_blocked'), value('keyhold_clock_skew_seconds') ?? Number.NaN] as const
}

test('a process whose date is 400 days ahead', async () => {
  const connection = await postgres.createStartedDatabase()
  const environment = {
    ...keyholdSettings({ dataDir: folder, kmsUrl: 'http://127.0.0.1:1' }),
    KEYHOLD_DATABASE_URL: databaseUrl(connection),
    KEYHOLD_BACKUP_RETENTION_DAYS: '30',
    KEYHOLD_KEY_CACHE_TTL_SECONDS: '0',
    KEYHOLD_METRICS_PORT: '0',
  }
  const query = (text: string) => postgres.query(connection, text)
  const versions = (where: string) =>
    query(`select state, extract(epoch from destroy_after - now())::float8 / 86400 as days
      from keyhold.tenant_keys where ${where} order by version`)

  // A replica whose clock is right rotates a tenant key, and schedules the destruction of a data key.
  const right = await startQuietServer(environment)
  const operatorToken = await right.createOperatorKey('test')
  const tenant = await createTenant(right.url, operatorToken)
  const aged = await createTenant(right.url, operatorToken)
  await encryptUnder(right.url, tenant, ['doomed', 'default'])
  await call(right.url, tenant.adminToken, 'POST', `${api}/tenant-key/actions/rotate`, {})
  const own = `tenant_id = '${tenant.tenantId}'`
  await expect.poll(() => versions(own), waits).toMatchObject([{ days: expect.any(Number) as number }, {}])
  await call(right.url, tenant.adminToken, 'POST', `${api}/data-keys/doomed/actions/destroy`, { inDays: 7 })
  await right.stop()
  await query(`update keyhold.tenant_keys set created_at = now() - interval '366 days'
    where tenant_id = '${aged.tenantId}'`)
  await resignDatabase(connection)

  const lines: string[] = []
  const wrong = serveInProcess({
    environment,
    nodeArguments: ['--import', wrongDate(400 * day)],
    onLine: (line) => lines.push(line),
  })
  try {
    const url = await wrong.listening
    // Its sweep has gone by what is due to be destroyed when it has rotated the tenant key that is really old.
    const others = `tenant_id = '${aged.tenantId}'`
    await expect.poll(() => versions(others), waits).toMatchObject([{ state: 'decrypt-only' }, {}])
    await expect
      .poll(() => versions(others), waits)
      .toMatchObject([{ days: expect.any(Number) as number }, {}])
    const kept = [...(await versions(own)), ...(await versions(others))]
    expect(kept.map(({ state }) => state)).toEqual(['decrypt-only', 'active', 'decrypt-only', 'active'])
    for (const { days } of kept.filter(({ state }) => state === 'decrypt-only'))
      expect(days).toSatisfy((left: number) => left > 29.9 && left <= 30)
    expect(await query('select destroyed_at from keyhold.destructions')).toEqual([{ destroyed_at: null }])

    // Nothing is held, so that each of these reads the data key.
    for (let read = 0; read < 3; read++) await encryptUnder(url, tenant, ['default', 'new'])
    expect(await query('select version from keyhold.cipherkeys order by version desc limit 1')).toEqual([
      { version: 1 },
    ])

    // Every time that is written or shown is the database's.
    const later = await query(`
      select 'written' as what from keyhold.key_jobs where greatest(created_at, completed_at, copy_started_at) > now()
      union all select 'made' from keyhold.cipherkeys
        where to_timestamp(('x' || left(replace(data_key_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
          > clock_timestamp() + interval '1 minute'`)
    expect(later).toEqual([])
    const lease = await call(url, tenant.serviceToken, 'POST', `${api}/data-keys`, {})
    const head = await call(url, tenant.adminToken, 'GET', `${api}/audits/head`)
    const usage = await call(url, tenant.adminToken, 'GET', `${api}/usage/kms`)
    const shown = [
      (lease as { expiresAt: string }).expiresAt,
      (head as { head: { signedAt: string } }).head.signedAt,
      (usage as { to: string }).to,
    ]
    for (const time of shown) expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(day + hour)

    const metrics = lines.map((line) => /"url":"(\S+)\/metrics"/.exec(line)?.[1]).find((found) => found)
    const [blocked, skewSeconds] = await metricsOf(metrics ?? '')
    expect([blocked, Math.round(skewSeconds / 60)]).toEqual([1, (400 * day) / 60_000])
    expect(lines.join('\n')).toMatch(/"level":50,.*"skewSeconds":345600\d\d,.*this replica destroys nothing/)
  } finally {
    wrong.kill('SIGTERM')
    await wrong.ended
  }
})

test('what is due waits until the clocks agree again, whichever way they differ', async () => {
  let aheadMs = 31 * day
  const lines: string[] = []
  const server = await startTestServer(
    { KEYHOLD_METRICS_PORT: '0' },
    {
      logger: pino({ level: 'info' }, { write: (line: string) => lines.push(line) }),
      clocks: { wall: () => Date.now() + aheadMs },
      timings: { clockMs: 20 },
    },
  )
  try {
    const tenant = await server.createTenant()
    await encryptUnder(server.url, tenant, ['doomed'])
    const destroy = `${api}/data-keys/doomed/actions/destroy`
    const scheduled = await call(server.url, tenant.adminToken, 'POST', destroy, { inDays: 7 })
    await makeDue(server, (scheduled as { id: string }).id, -60_000)
    const isOpen = async () =>
      (await server.query('select 1 from keyhold.destructions where destroyed_at is null')).length > 0
    const blocked = async () => (await metricsOf(server.metricsUrl ?? ''))[0]

    for (const ms of [31 * day, -hour]) {
      aheadMs = ms
      await server.sweep()
      expect([await isOpen(), await blocked()]).toEqual([true, 1])
    }
    aheadMs = 2_000
    await server.sweep()
    expect([await isOpen(), await blocked()]).toEqual([false, 0])
    await expect.poll(() => lines.join('\n'), waits).toMatch(/"level":30,.*agree again/)
    expect(lines.filter((line) => /"level":50,.*destroys nothing/.test(line)).length).toBe(1)
  } finally {
    await server.stop()
  }
})
