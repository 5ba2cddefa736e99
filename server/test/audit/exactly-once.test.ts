// Every acknowledged change has exactly one record, and what was refused has none: on every route of the contract.
import { routeIds, routes, type RouteId } from '@keyhold/contract'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { encryptText } from '../http/scene.ts'

import {
  startTestServer,
  type HttpAnswer,
  type TestServer,
} from '../../../testkit/src/server/start-test-server.ts'
import { auditRows, isMutation } from './audit-rows.ts'
import { findAuditFaults } from './find-audit-faults.ts'
import { doseOf } from '../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '0' })
})
afterAll(() => server.stop())

/** The records of one request. */
async function recordsOf({ headers }: HttpAnswer) {
  const traceId = headers.get('x-b3-traceid')
  expect(traceId).toMatch(/^[0-9a-f]{32}$/)
  const text = 'select action, actor_id, actor_role from keyhold.audits where trace_id = $1'
  return server.query(text, [traceId])
}

async function countAll(): Promise<unknown> {
  const [row] = await server.query("select count(*) from keyhold.audits where actor_id <> 'system'", [])
  return row?.count
}

const mutations = routeIds.flatMap((routeId) => {
  const row = auditRows[routeId]
  return isMutation(row) ? [{ routeId, row }] : []
})
const others = routeIds.filter((routeId) => !isMutation(auditRows[routeId]))

describe('what changes something', () => {
  test.each(doseOf(mutations, 3))('$routeId is recorded once', async ({ routeId, row }) => {
    const answer = await row.succeeds(server)

    expect(answer.status, answer.text).toBeLessThan(300)
    const records = await recordsOf(answer)
    expect(records).toEqual([
      { action: row.action, actor_id: expect.any(String) as unknown, actor_role: routes[routeId].roles[0] },
    ])
    const [{ actor_id: actorId } = {}] = records
    expect(await server.query('select role from keyhold.api_keys where id = $1', [actorId])).toEqual([
      { role: routes[routeId].roles[0] },
    ])
  })

  const idle = mutations.flatMap(({ routeId, row }) =>
    row.changesNothing.map((call, index) => ({ routeId, index, call })),
  )
  test.each(doseOf(idle, 4))('$routeId leaves no record of nothing, $index', async ({ call }) => {
    expect(await recordsOf(await call(server))).toEqual([])
  })
})

describe('what changes nothing', () => {
  it.each(others.filter((routeId) => auditRows[routeId] === 'reads'))('%s is a GET', (routeId) => {
    expect(routes[routeId].method).toBe('GET')
  })

  it.each(
    doseOf(
      others.filter((routeId) => auditRows[routeId] === 'data plane'),
      4,
    ),
  )('%s is for services', (routeId) => {
    const roles: readonly string[] = routes[routeId].roles
    expect(roles.filter((role) => !role.startsWith('service'))).toEqual([])
  })

  it('is no more than signing in and out for auditors', () => {
    const allowed = routeIds.filter((routeId) =>
      (routes[routeId].roles as readonly string[]).includes('auditor'),
    )
    expect(allowed.length).toBeGreaterThan(10)
    expect(allowed.filter((routeId) => auditRows[routeId] !== 'reads').toSorted()).toEqual([
      ...['createSession', 'endSession'],
    ])
  })

  const tries = others.flatMap((routeId) => {
    const row = auditRows[routeId]
    return typeof row !== 'string' && 'tries' in row ? [{ routeId, call: row.tries }] : []
  })
  it.each(doseOf(tries, 3))('$routeId only tries, and leaves no record', async ({ call }) => {
    const answer = await call(server)

    expect(answer.status, answer.text).toBe(200)
    expect(await recordsOf(answer)).toEqual([])
  })

  const rest = others.filter((routeId) => typeof auditRows[routeId] === 'string')
  it.each(doseOf(rest, 4))('%s leaves no record', async (routeId) => {
    const tenant = await server.createTenant()
    const tokens = {
      'tenant-admin': tenant.adminToken,
      service: tenant.serviceToken,
      operator: server.operatorToken,
    }
    const token = await encryptText(server, tenant, 'hi')
    const before = await countAll()
    const { method, path, roles } = routes[routeId]

    const answer = await server.request(method, path.replace(/:\w+/, tenant.tenantId), {
      token: tokens[roles[0]],
      ...(method === 'POST' && { body: bodyFor(routeId, token) }),
    })

    expect([401, 403]).not.toContain(answer.status)
    expect(await countAll()).toBe(before)
  })
})

function bodyFor(routeId: RouteId, token: string): object {
  if (routeId === 'encrypt') return { items: [{ plaintext: 'aGk=', keyName: 'never-used-before' }] }
  if (routeId === 'decrypt' || routeId === 'reencrypt') return { items: [{ token }] }
  return routeId === 'getBlindIndexKey' ? { keyName: 'email' } : {}
}

// After everything above.
it('agrees with all rows of the database, whatever was done', async () => {
  await expect
    .poll(
      async () =>
        server.query(
          "select from keyhold.key_jobs where phase not in ('done', 'aborted', 'verify', 'aborting')",
          [],
        ),
      { timeout: 20_000 },
    )
    .toEqual([])

  expect(await findAuditFaults((statement) => server.query(statement, []))).toEqual([])
})

it('keeps no secret, no plaintext and no token', async () => {
  const tenant = await server.createTenant()
  const token = await encryptText(server, tenant, 'a very private text')
  const rows = JSON.stringify(await server.query('select * from keyhold.audits', []))

  const secrets = [tenant.adminToken, tenant.serviceToken, server.operatorToken].map((each) =>
    each.slice(-43),
  )
  for (const secret of [...secrets, token, 'private']) expect(rows).not.toContain(secret)
  // Names of providers are free text, and may tell what is nobody else's business.
  expect(rows).not.toContain('a key')
  // The name of the root key, which the rest of the API does not tell tenants either.
  expect(rows).not.toContain('root-key')
})
