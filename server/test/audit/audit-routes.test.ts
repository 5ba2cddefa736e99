// The audit trail over HTTP: whose records are whose, page after page, and the signature of the head.
import { auditChainStart, auditHash, type AuditRecord } from '@keyhold/core'
import type { Audit, AuditHead, JsonWebKeySet } from '@keyhold/contract'
import { createPublicKey, verify } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { at, errorCode, listAt, textAt } from '../http/read-body.ts'
import { createTenantWithOwnKey } from '../http/scene.ts'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const get = (token: string, path: string) => server.request('GET', path, { token })
const audits = '/api/v1/encryption/audits'
const allAudits = '/api/v1/audits'
const actionsOf = (body: unknown) => listAt(body, 'audits').map((audit) => textAt(audit, 'action'))

async function createAuditor(tenantId: string): Promise<string> {
  const body = { role: 'auditor', tenantId }
  const created = await server.request('POST', '/api/v1/api-keys', { token: server.operatorToken, body })
  return textAt(created.body, 'key')
}

test("a tenant's admin and its auditor read the whole chain, in pages, and it is right", async () => {
  const { tenantId, adminToken } = await createTenantWithOwnKey(server)
  const auditorToken = await createAuditor(tenantId)

  const found: Audit[] = []
  let path = `${audits}?limit=2`
  for (;;) {
    const { body } = await get(found.length % 4 === 0 ? adminToken : auditorToken, path)
    expect(listAt(body, 'audits').length).toBeLessThanOrEqual(2)
    found.push(...(listAt(body, 'audits') as Audit[]))
    if (at(body, 'next') === undefined) break
    path = `${audits}?limit=2&after=${textAt(body, 'next')}`
  }

  expect(found.map(({ action }) => action)).toEqual([
    'apikey.create',
    'apikey.create',
    'keyprovider.create',
    'migration.start',
    'migration.prepare',
    'migration.dual',
    'migration.cutover',
    'tenantkey.destroy',
    'apikey.create',
  ])
  let hash = auditChainStart
  for (const audit of found) {
    expect(audit.tenantId).toBe(tenantId)
    hash = auditHash(hash, recordOf(audit))
    expect(audit.hash).toBe(hash.toString('hex'))
  }
  const { body } = await get(auditorToken, `${audits}/head`)
  expect(at(body, 'head')).toMatchObject({ tenantId, sequence: found.length, hash: hash.toString('hex') })
})

function recordOf({ actor, target, at: time, ...audit }: Audit): AuditRecord {
  return {
    ...{ tenantId: audit.tenantId, sequence: audit.sequence, id: audit.id, at: new Date(time) },
    ...{ actorId: actor.id, actorRole: actor.role, action: audit.action },
    ...{ targetKind: target.kind, targetId: target.id, traceId: audit.traceId, details: audit.details },
  }
}

test.each(['tenant-admin', 'auditor', 'operator'])('the head is signed, for who is %s', async (role) => {
  const { tenantId, adminToken } = await server.createTenant()
  const tokens: Record<string, string> = {
    'tenant-admin': adminToken,
    auditor: await createAuditor(tenantId),
    operator: server.operatorToken,
  }
  const token = tokens[role] ?? ''
  const { body } = await get(token, role === 'operator' ? `${allAudits}/head` : `${audits}/head`)
  const { jws, head } = body as AuditHead
  const { keys } = (await get(token, '/api/v1/encryption/signing-keys')).body as JsonWebKeySet

  const [header = '', payload = '', signature = ''] = jws.split('.')
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }
  const key = keys.find((each) => each.kid === kid)
  const publicKey = createPublicKey({ key: { ...key }, format: 'jwk' })
  const signed = Buffer.from(`${header}.${payload}`)
  expect(verify(null, signed, publicKey, Buffer.from(signature, 'base64url'))).toBe(true)
  expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toEqual(head)
  expect(head.tenantId).toBe(role === 'operator' ? null : tenantId)
})

test("the operator reads the installation's chain, and a tenant's, which outlives the tenant", async () => {
  const token = server.operatorToken
  const { tenantId } = await server.createTenant()
  await server.request('DELETE', `/api/v1/tenants/${tenantId}`, { token })

  const ofTenant = await get(token, `${allAudits}?tenantId=${tenantId}`)
  expect(actionsOf(ofTenant.body)).toEqual(['apikey.create', 'apikey.create'])
  const ofAll = listAt((await get(token, `${allAudits}?limit=1000`)).body, 'audits') as Audit[]
  const lifetime = ofAll.filter(({ target }) => target.id === tenantId)
  expect(lifetime.map(({ action }) => action)).toEqual(['tenant.create', 'tenant.delete'])
  expect(ofAll[0]).toMatchObject({ sequence: 1, action: 'apikey.create', actor: { id: 'command' } })
  expect(ofAll.every((audit) => audit.tenantId === undefined)).toBe(true)
  const head = await get(token, `${allAudits}/head?tenantId=${tenantId}`)
  expect(at(head.body, 'head')).toMatchObject({ tenantId, sequence: 2 })
})

test('checkpoints come in pages, for those who may read the chain, and say what heads have said', async () => {
  const { tenantId, adminToken } = await server.createTenant()
  const auditorToken = await createAuditor(tenantId)
  const heads: AuditHead['head'][] = []
  for (let count = 0; count < 3; count++) {
    await server.request('PATCH', '/api/v1/encryption/settings', {
      token: adminToken,
      body: { keyCacheTtlSeconds: count + 5 },
    })
    heads.push(at((await get(adminToken, `${audits}/head`)).body, 'head') as AuditHead['head'])
  }

  const said: Record<string, unknown>[] = []
  let path = `${audits}/checkpoints?limit=2`
  for (;;) {
    const { body } = await get(auditorToken, path)
    const page = listAt(body, 'checkpoints')
    expect(page.length).toBeLessThanOrEqual(2)
    for (const each of page) {
      const payload = Buffer.from(textAt(each, 'jws').split('.')[1] ?? '', 'base64url').toString()
      said.push(JSON.parse(payload) as Record<string, unknown>)
      expect(at(each, 'number')).toBe(said.length)
    }
    if (at(body, 'next') === undefined) break
    path = `${audits}/checkpoints?limit=2&after=${textAt(body, 'next')}`
  }
  expect(said).toMatchObject(
    heads.map(({ sequence, hash }, index) => ({
      ...{ type: 'keyhold/audit-checkpoint/1', tenantId, sequence, hash, number: index + 1 },
    })),
  )

  const token = server.operatorToken
  const ofTenant = await get(token, `${allAudits}/checkpoints?tenantId=${tenantId}`)
  expect(listAt(ofTenant.body, 'checkpoints')).toHaveLength(3)
  await get(token, `${allAudits}/head`)
  const ofAll = listAt((await get(token, `${allAudits}/checkpoints`)).body, 'checkpoints')
  expect(ofAll.length).toBeGreaterThan(0)
  expect(JSON.stringify(ofAll)).not.toContain(textAt(listAt(ofTenant.body, 'checkpoints')[0], 'jws'))
})

test('a tenant to which nothing has happened has an empty chain, one that never was has none', async () => {
  const token = server.operatorToken
  const created = await server.request('POST', '/api/v1/tenants', { token, body: { name: 'new' } })
  const tenantId = textAt(created.body, 'id')

  expect(await get(token, `${allAudits}?tenantId=${tenantId}`)).toMatchObject({ body: { audits: [] } })
  const head = await get(token, `${allAudits}/head?tenantId=${tenantId}`)
  expect(at(head.body, 'head')).toMatchObject({ sequence: 0, hash: '0'.repeat(64) })
  for (const path of ['', '/head', '/checkpoints']) {
    const { status, body } = await get(token, `${allAudits}${path}?tenantId=nobody`)
    expect([status, errorCode(body)]).toEqual([404, 'ERR_TENANT_NOT_FOUND'])
  }
})

test.each(['?limit=0', '?limit=1001', '?after=-1', '?after=x', '?after=01', '?after=1&after=2'])(
  'refuses %s',
  async (query) => {
    const { adminToken } = await server.createTenant()
    expect(await get(adminToken, audits + query)).toMatchObject({ status: 400 })
  },
)
