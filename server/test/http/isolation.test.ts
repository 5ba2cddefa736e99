// Two tenants: nothing of one is visible, usable or guessable from the other. For every route of the contract, what
// belongs to A looks to B exactly like what never existed.
import { routeIds, type RouteId } from '@keyhold/contract'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import {
  startTestServer,
  type HttpAnswer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { at, errorCode, listAt, textAt, withoutTrace } from './read-body.ts'
import { details, encryptText, migrateTo, providers, registerKey, reset } from './scene.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

/** The names that B can use in a request: something of A's, or something in its form that never existed. */
interface Names {
  tenantId: string
  fingerprint: string
  token: string
  apiKeyId: string
  sessionId: string
  setupLinkId: string
  keyName: string
  migrationId: string
  destructionId: string
}

let server: TestServer
let a: TestTenant
let b: TestTenant
let ofA: Names
let ofNobody: Names

beforeAll(async () => {
  server = await startTestServer()
  a = await server.createTenant()
  b = await server.createTenant()
  const { fingerprint } = await registerKey(server, a)
  await migrateTo(server, a, fingerprint)
  const token = await encryptText(server, a, 'of A', { context: { purpose: 'isolation' } })
  await encryptText(server, a, 'of A', { keyName: 'of-a' })
  const keys = await server.request('GET', '/api/v1/api-keys', { token: server.operatorToken })
  const apiKey = listAt(at(keys.body, 'apiKeys')).find((key) => at(key, 'tenantId') === a.tenantId)
  const session = await server.request('POST', '/api/v1/sessions', {
    token: a.adminToken,
    body: { kind: 'cli' },
  })
  const link = await server.request('POST', '/api/v1/setup-links', {
    token: a.adminToken,
    body: { intent: 'key-provider' },
  })
  const migration = await server.request('GET', details, { token: a.adminToken })
  const destruction = await server.request('POST', `${dataKeys}/of-a/actions/destroy`, {
    token: a.adminToken,
    body: inAWeek,
  })
  ofA = {
    tenantId: a.tenantId,
    fingerprint,
    token,
    apiKeyId: textAt(apiKey, 'id'),
    sessionId: textAt(session.body, 'id'),
    setupLinkId: textAt(link.body, 'id'),
    keyName: 'of-a',
    migrationId: textAt(migration.body, 'id'),
    destructionId: textAt(destruction.body, 'id'),
  }

  const other = await server.createTenant()
  ofNobody = {
    tenantId: 'N'.repeat(32),
    fingerprint: '0'.repeat(32),
    token: await encryptText(server, other, 'of A', { context: { purpose: 'isolation' } }),
    apiKeyId: '0'.repeat(16),
    sessionId: '0'.repeat(16),
    setupLinkId: '0'.repeat(16),
    keyName: 'nobodys',
    migrationId: '01890000-0000-7000-8000-000000000000',
    destructionId: '01890000-0000-7000-8000-000000000000',
  }
  await server.request('DELETE', `/api/v1/api-keys/${ofNobody.apiKeyId}`, { token: server.operatorToken })
})
afterAll(() => server.stop())

const admin = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  server.request(method, path, { token: b.adminToken, body, headers })
const service = (path: string, item: object, headers: Record<string, string> = {}) =>
  server.request('POST', path, { token: b.serviceToken, body: { items: [item] }, headers })
const lease = (path: string, body: object, headers: Record<string, string> = {}) =>
  server.request('POST', path, { token: b.serviceToken, body, headers })
// The 26 bytes that name a token's data key.
const headerOf = (token: string) =>
  Buffer.from(token.slice(4), 'base64url').subarray(0, 26).toString('base64')
const tenantHeader = ({ tenantId }: Names) => ({ 'keyhold-tenant': tenantId })
const dataKeys = '/api/v1/encryption/data-keys'
const leaseKeys = '/api/v1/encryption/lease-keys'
const drDrill = '/api/v1/encryption/dr-drill'
const setupPath = '/api/v1/encryption/setup'
const minimum = { minimumVersion: 1 }
const migrations = '/api/v1/encryption/migrations'
const failures = [{ dataKeyId: '01890000-0000-7000-8000-000000000000', version: 1 }]
const destructions = '/api/v1/encryption/destructions'
const audits = '/api/v1/encryption/audits'
const inAWeek = { inDays: 7 }
const rename = [{ op: 'replace', path: '/name', value: 'taken over' }]

// All that B can ask on each route. A route without a row is a type error, and fails the first test.
const asB: Record<RouteId, ((names: Names) => Promise<HttpAnswer>)[]> = {
  listKeyProviders: [(names) => admin('GET', providers, undefined, tenantHeader(names))],
  createKeyProvider: [(names) => admin('POST', providers, { name: 'x', arn: 'y' }, tenantHeader(names))],
  listAllKeyProviders: [(names) => admin('GET', `${providers}/actions/list`, undefined, tenantHeader(names))],
  checkKeyProvider: [
    (names) => admin('POST', `${providers}/actions/check`, { arn: 'y' }, tenantHeader(names)),
  ],
  watchKeyChecks: [
    (names) => admin('POST', `${providers}/actions/check/events`, { arn: 'y' }, tenantHeader(names)),
  ],
  getKeyPolicy: [
    (names) =>
      admin(
        'GET',
        `/api/v1/encryption/policy?arn=arn:aws:kms:eu-west-1:222222222222:alias/a`,
        undefined,
        tenantHeader(names),
      ),
  ],
  resetToDefaultProvider: [(names) => admin('POST', reset, undefined, tenantHeader(names))],
  getMigrationDetails: [(names) => admin('GET', details, undefined, tenantHeader(names))],
  getKeyProvider: [
    ({ fingerprint }) => admin('GET', `${providers}/${fingerprint}`),
    ({ tenantId }) => admin('GET', `${providers}/${tenantId}`),
  ],
  patchKeyProvider: [
    ({ fingerprint }) => admin('PATCH', `${providers}/${fingerprint}`, rename),
    ({ tenantId }) => admin('PATCH', `${providers}/${tenantId}`, rename),
  ],
  deleteKeyProvider: [
    ({ fingerprint }) => admin('DELETE', `${providers}/${fingerprint}`),
    ({ tenantId }) => admin('DELETE', `${providers}/${tenantId}`),
  ],
  migrateToKeyProvider: [
    ({ fingerprint }) => admin('POST', `${providers}/${fingerprint}/actions/migrate`),
    ({ tenantId }) => admin('POST', `${providers}/${tenantId}/actions/migrate`),
  ],
  testKeyProvider: [
    ({ fingerprint }) => admin('POST', `${providers}/${fingerprint}/actions/test`),
    ({ tenantId }) => admin('POST', `${providers}/${tenantId}/actions/test`),
  ],
  planMigration: [
    ({ fingerprint }) => admin('POST', `${providers}/${fingerprint}/actions/plan-migration`),
    ({ tenantId }) => admin('POST', `${providers}/${tenantId}/actions/plan-migration`),
  ],
  getKeyProviderUsage: [
    ({ fingerprint }) => admin('GET', `${providers}/${fingerprint}/usage`),
    ({ tenantId }) => admin('GET', `${providers}/${tenantId}/usage`),
  ],
  getKeyProviderHealth: [
    ({ fingerprint }) => admin('GET', `${providers}/${fingerprint}/health`),
    ({ tenantId }) => admin('GET', `${providers}/${tenantId}/health`),
  ],
  listMigrations: [(names) => admin('GET', migrations, undefined, tenantHeader(names))],
  getMigration: [({ migrationId }) => admin('GET', `${migrations}/${migrationId}`)],
  watchMigration: [({ migrationId }) => admin('GET', `${migrations}/${migrationId}/events`)],
  listMigrationFailures: [({ migrationId }) => admin('GET', `${migrations}/${migrationId}/failures`)],
  getMigrationReport: [({ migrationId }) => admin('GET', `${migrations}/${migrationId}/report`)],
  retryMigration: [({ migrationId }) => admin('POST', `${migrations}/${migrationId}/actions/retry`)],
  acceptMigrationFailures: [
    ({ migrationId }) => admin('POST', `${migrations}/${migrationId}/actions/accept-failures`, { failures }),
  ],
  destroyMigrationFailures: [
    ({ migrationId }) =>
      admin('POST', `${migrations}/${migrationId}/actions/destroy-failures`, { failures, ...inAWeek }),
  ],
  cancelMigration: [({ migrationId }) => admin('POST', `${migrations}/${migrationId}/actions/cancel`)],
  rotateTenantKey: [
    (names) => admin('POST', '/api/v1/encryption/tenant-key/actions/rotate', undefined, tenantHeader(names)),
  ],
  listTenantKeys: [(names) => admin('GET', '/api/v1/encryption/tenant-keys', undefined, tenantHeader(names))],
  lockTenant: [(names) => admin('POST', '/api/v1/encryption/actions/lock', undefined, tenantHeader(names))],
  getTenantLock: [(names) => admin('GET', '/api/v1/encryption/lock', undefined, tenantHeader(names))],
  unlockTenant: [
    (names) => admin('POST', '/api/v1/encryption/actions/unlock', undefined, tenantHeader(names)),
  ],
  runDrDrill: [(names) => admin('POST', `${drDrill}/actions/run`, {}, tenantHeader(names))],
  getDrDrill: [(names) => admin('GET', drDrill, undefined, tenantHeader(names))],
  runDrDrillOfTenant: [
    ({ tenantId }) => admin('POST', `/api/v1/tenants/${tenantId}/dr-drill/actions/run`, {}),
  ],
  getDrDrillOfTenant: [({ tenantId }) => admin('GET', `/api/v1/tenants/${tenantId}/dr-drill`)],
  getTenantSettings: [(names) => admin('GET', '/api/v1/encryption/settings', undefined, tenantHeader(names))],
  changeTenantSettings: [
    (names) => admin('PATCH', '/api/v1/encryption/settings', { keyCacheTtlSeconds: 9 }, tenantHeader(names)),
  ],
  listSigningKeys: [
    (names) => admin('GET', '/api/v1/encryption/signing-keys', undefined, tenantHeader(names)),
  ],
  encrypt: [(names) => service('/api/v1/encryption/encrypt', { plaintext: 'aGk=' }, tenantHeader(names))],
  decrypt: [
    ({ token }) => service('/api/v1/encryption/decrypt', { token }),
    ({ token }) => service('/api/v1/encryption/decrypt', { token, context: { purpose: 'isolation' } }),
    (names) => service('/api/v1/encryption/decrypt', { token: names.token }, tenantHeader(names)),
  ],
  reencrypt: [
    ({ token }) => service('/api/v1/encryption/reencrypt', { token, context: { purpose: 'isolation' } }),
    (names) => service('/api/v1/encryption/reencrypt', { token: names.token }, tenantHeader(names)),
  ],
  createDataKeyLease: [(names) => lease('/api/v1/encryption/data-keys', {}, tenantHeader(names))],
  unwrapDataKey: [
    ({ token }) => lease('/api/v1/encryption/data-keys/unwrap', { header: headerOf(token) }),
    (names) =>
      lease('/api/v1/encryption/data-keys/unwrap', { header: headerOf(names.token) }, tenantHeader(names)),
  ],
  getBlindIndexKey: [
    (names) => lease('/api/v1/encryption/data-keys/blind-index', { keyName: 'email' }, tenantHeader(names)),
  ],
  listDataKeys: [(names) => admin('GET', dataKeys, undefined, tenantHeader(names))],
  rotateDataKey: [
    ({ keyName }) => admin('POST', `${dataKeys}/${keyName}/actions/rotate`),
    (names) => admin('POST', `${dataKeys}/default/actions/rotate`, undefined, tenantHeader(names)),
  ],
  listLeaseKeys: [(names) => admin('GET', leaseKeys, undefined, tenantHeader(names))],
  endLeaseKey: [(names) => admin('POST', `${leaseKeys}/actions/end`, undefined, tenantHeader(names))],
  setMinimumVersion: [
    ({ keyName }) => admin('POST', `${dataKeys}/${keyName}/actions/set-minimum-version`, minimum),
    (names) => admin('POST', `${dataKeys}/default/actions/set-minimum-version`, minimum, tenantHeader(names)),
  ],
  destroyDataKey: [
    ({ keyName }) => admin('POST', `${dataKeys}/${keyName}/actions/destroy`, inAWeek),
    (names) => admin('POST', `${dataKeys}/default/actions/destroy`, inAWeek, tenantHeader(names)),
  ],
  listDestructions: [(names) => admin('GET', destructions, undefined, tenantHeader(names))],
  getDestruction: [({ destructionId }) => admin('GET', `${destructions}/${destructionId}`)],
  cancelDestruction: [
    ({ destructionId }) => admin('POST', `${destructions}/${destructionId}/actions/cancel`),
  ],
  listAudits: [(names) => admin('GET', audits, undefined, tenantHeader(names))],
  getAuditHead: [(names) => admin('GET', `${audits}/head`, undefined, tenantHeader(names))],
  listAuditCheckpoints: [(names) => admin('GET', `${audits}/checkpoints`, undefined, tenantHeader(names))],
  listAllAuditCheckpoints: [
    ({ tenantId }) => admin('GET', `/api/v1/audits/checkpoints?tenantId=${tenantId}`),
  ],
  listInstallationAudits: [({ tenantId }) => admin('GET', `/api/v1/audits?tenantId=${tenantId}`)],
  getInstallationAuditHead: [({ tenantId }) => admin('GET', `/api/v1/audits/head?tenantId=${tenantId}`)],
  getOverview: [(names) => admin('GET', '/api/v1/encryption/overview', undefined, tenantHeader(names))],
  watchTenant: [(names) => admin('GET', '/api/v1/encryption/events', undefined, tenantHeader(names))],
  getSetup: [(names) => admin('GET', setupPath, undefined, tenantHeader(names))],
  saveSetup: [
    (names) => admin('PUT', setupPath, { version: 0, step: 'where', choices: {} }, tenantHeader(names)),
  ],
  deleteSetup: [(names) => admin('DELETE', setupPath, undefined, tenantHeader(names))],
  getBrand: [(names) => admin('GET', '/api/v1/brand', undefined, tenantHeader(names))],
  saveBrand: [() => admin('PUT', '/api/v1/brand', { name: 'taken over' })],
  deleteBrand: [() => admin('DELETE', '/api/v1/brand')],
  listDrDrills: [(names) => admin('GET', `${drDrill}s`, undefined, tenantHeader(names))],
  listDrDrillsOfTenant: [({ tenantId }) => admin('GET', `/api/v1/tenants/${tenantId}/dr-drills`)],
  listReplicas: [() => admin('GET', '/api/v1/replicas')],
  listLiveMigrations: [() => admin('GET', '/api/v1/migrations')],
  createTenant: [({ tenantId }) => admin('POST', '/api/v1/tenants', { id: tenantId, name: 'x' })],
  listTenants: [(names) => admin('GET', '/api/v1/tenants', undefined, tenantHeader(names))],
  getTenant: [({ tenantId }) => admin('GET', `/api/v1/tenants/${tenantId}`)],
  deleteTenant: [({ tenantId }) => admin('DELETE', `/api/v1/tenants/${tenantId}`)],
  scheduleTenantDeletion: [
    ({ tenantId }) => admin('POST', `/api/v1/tenants/${tenantId}/actions/schedule-deletion`, inAWeek),
  ],
  cancelTenantDeletion: [
    ({ tenantId }) => admin('POST', `/api/v1/tenants/${tenantId}/actions/cancel-deletion`),
  ],
  getKmsUsage: [(names) => admin('GET', '/api/v1/encryption/usage/kms', undefined, tenantHeader(names))],
  getKmsUsageOfAll: [() => admin('GET', '/api/v1/usage/kms')],
  listAllDestructions: [({ tenantId }) => admin('GET', `/api/v1/destructions?tenantId=${tenantId}`)],
  getAnyDestruction: [({ destructionId }) => admin('GET', `/api/v1/destructions/${destructionId}`)],
  getSession: [(names) => admin('GET', '/api/v1/session', undefined, tenantHeader(names))],
  endSession: [(names) => admin('DELETE', '/api/v1/session', undefined, tenantHeader(names))],
  getCsrfToken: [(names) => admin('GET', '/api/v1/csrf-token', undefined, tenantHeader(names))],
  createSession: [(names) => admin('POST', '/api/v1/sessions', { kind: 'cli' }, tenantHeader(names))],
  listSessions: [(names) => admin('GET', '/api/v1/sessions', undefined, tenantHeader(names))],
  endAnySession: [({ sessionId }) => admin('DELETE', `/api/v1/sessions/${sessionId}?all=true`)],
  createSetupLink: [
    ({ tenantId }) => admin('POST', '/api/v1/setup-links', { intent: 'key-provider', tenantId }),
  ],
  listSetupLinks: [(names) => admin('GET', '/api/v1/setup-links', undefined, tenantHeader(names))],
  deleteSetupLink: [({ setupLinkId }) => admin('DELETE', `/api/v1/setup-links/${setupLinkId}`)],
  createApiKey: [({ tenantId }) => admin('POST', '/api/v1/api-keys', { role: 'service', tenantId })],
  listApiKeys: [(names) => admin('GET', '/api/v1/api-keys', undefined, tenantHeader(names))],
  renameApiKey: [({ apiKeyId }) => admin('PATCH', `/api/v1/api-keys/${apiKeyId}`, { name: 'taken over' })],
  rotateApiKey: [({ apiKeyId }) => admin('POST', `/api/v1/api-keys/${apiKeyId}/actions/rotate`, {})],
  deleteApiKey: [({ apiKeyId }) => admin('DELETE', `/api/v1/api-keys/${apiKeyId}`)],
}

it('asks on every route of the contract', () => {
  expect(Object.keys(asB).sort()).toEqual([...routeIds].sort())
})

describe('what is of A looks to B as if it had never existed', () => {
  const rows = routeIds.flatMap((routeId) => asB[routeId].map((ask, index) => ({ routeId, index, ask })))

  test.each(rows)('$routeId, question $index', async ({ ask }) => {
    const foreign = await ask(ofA)
    const unknown = await ask(ofNobody)

    expect(foreign.status).toBe(unknown.status)
    expect(withoutTrace(foreign.body)).toEqual(withoutTrace(unknown.body))
    // Refused, and not merely alike: data items are refused one by one.
    if (foreign.status < 400)
      expect(at(foreign.body, 'items', 0, 'error', 'code')).toBe('ERR_DECRYPTION_FAILED')
    for (const secret of [a.tenantId, ofA.fingerprint]) expect(foreign.text).not.toContain(secret)
  })

  it('and A has lost nothing by it', async () => {
    const list = await server.request('GET', `${providers}/actions/list`, { token: a.adminToken })
    expect(listAt(list.body).map((each) => textAt(each, 'name'))).toEqual(['Qlik Internal Kms', 'a key'])
    expect(at(list.body, 1, 'current')).toBe(true)

    const item = { token: ofA.token, context: { purpose: 'isolation' } }
    const decrypted = await server.request('POST', '/api/v1/encryption/decrypt', {
      token: a.serviceToken,
      body: { items: [item] },
    })
    expect(textAt(decrypted.body, 'items', 0, 'plaintext')).toBe(Buffer.from('of A').toString('base64'))
  })
})

describe('what B may do for itself', () => {
  it('shows nothing of A', async () => {
    const answers = [
      await admin('GET', providers),
      await admin('GET', `${providers}/actions/list`),
      await admin('GET', details),
    ]

    for (const { text } of answers) {
      expect(text).not.toContain(a.tenantId)
      expect(text).not.toContain(ofA.fingerprint)
    }
  })

  it('does not tell whether A has registered a key', async () => {
    const list = await server.request('GET', providers, { token: a.adminToken })
    const arn = textAt(list.body, 0, 'arn')

    // Its policy admits Keyhold for any tenant, so that B registers it like a key that nobody else has.
    const { status, body } = await admin('POST', providers, { name: 'shared', arn })

    expect(status).toBe(201)
    expect(at(body, 'current')).toBeUndefined()
    expect(textAt(body, 'tenantId')).toBe(b.tenantId)
  })

  it('keeps key names apart', async () => {
    const token = await encryptText(server, b, 'of B', { keyName: 'shared-name' })
    await encryptText(server, a, 'of A', { keyName: 'shared-name' })

    const answer = await server.request('POST', '/api/v1/encryption/decrypt', {
      token: a.serviceToken,
      body: { items: [{ token }] },
    })

    expect(at(answer.body, 'items', 0, 'error', 'code')).toBe('ERR_DECRYPTION_FAILED')
  })
})

slowTest('lets a malformed name tell no more than a well-formed one', async () => {
  const answer = await admin('GET', `${providers}/${'x'.repeat(64)}`)

  expect([answer.status, errorCode(answer.body)]).toEqual([404, 'ERR_KEY_PROVIDER_NOT_FOUND'])
})
