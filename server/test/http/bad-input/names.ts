// Names in paths and bodies: tenants, fingerprints, API keys, key names. None has two spellings.
import { rawRequest } from '../raw-request.ts'
import { providers } from '../scene.ts'
import { canary, type BadInput, type Scene } from './scene.ts'

const malformed = { status: 400, code: 'ERR_INVALID_REQUEST' } as const
const tenants = '/api/v1/tenants'

// The tenant's own id is "tenant-of-bad-input".
const badTenantIds: [what: string, id: string][] = [
  ['nothing', ''],
  ['10 kB', 'a'.repeat(10_000)],
  ['65 characters', 'a'.repeat(65)],
  ['a way out', '../x'],
  ['a dot', '.'],
  ['an escape', '%00'],
  ['a NUL', 'a\0'],
  ['a slash', 'a/b'],
  ['a backslash', 'a\\b'],
  ['an emoji', '\u{1F511}'],
  ['a right-to-left mark', '\u202etenant'],
  ['a zero-width space', 'tenant\u200b-of-bad-input'],
  ['another normal form', 'te\u0301nant'],
  ['full-width letters', '\uff54enant'],
  ['a space at the end', 'tenant-of-bad-input '],
  ['a space in front', ' tenant-of-bad-input'],
  ['a line break at the end', 'tenant-of-bad-input\n'],
  ['a quote', "'; select 1; --"],
]

const inPaths = badTenantIds.filter(([, id]) => !['', '.', '../x'].includes(id))

export const nameRows: BadInput[] = [
  ...badTenantIds.map(([what, id]) => ({
    what: `a new tenant: ${what}`,
    ...malformed,
    send: ({ server }: Scene) =>
      rawRequest(server.url, 'POST', tenants, { token: server.operatorToken, body: { id, name: canary } }),
  })),
  ...badTenantIds.map(([what, id]) => ({
    what: `an API key for the tenant: ${what}`,
    ...malformed,
    send: ({ server }: Scene) =>
      rawRequest(server.url, 'POST', '/api/v1/api-keys', {
        token: server.operatorToken,
        body: { role: 'service', tenantId: id, name: canary },
      }),
  })),
  ...[...inPaths, ['other letters', 'TENANT-OF-BAD-INPUT'] as const, ['nobody', canary] as const].flatMap(
    ([what, id]) =>
      ['GET', 'DELETE'].map((method) => ({
        what: `${method} the tenant: ${what}`,
        status: 404,
        code: 'ERR_TENANT_NOT_FOUND',
        send: ({ server }: Scene) =>
          rawRequest(server.url, method, `${tenants}/${encodeURIComponent(id)}`, {
            token: server.operatorToken,
          }),
      })),
  ),
  ...['TENANT-OF-BAD-INPUT', 'nobody', 'Tenant-of-bad-input'].map((id) => ({
    what: `the header Keyhold-Tenant: ${id}`,
    status: 404,
    code: 'ERR_TENANT_NOT_FOUND',
    send: ({ server, tenant }: Scene) =>
      rawRequest(server.url, 'GET', providers, {
        token: tenant.adminToken,
        headers: { 'keyhold-tenant': id },
      }),
  })),
  ...['', '../x', '%00', 'a/b', 'a b', 'tenant-of-bad-input, x', 'a'.repeat(65), canary.repeat(200)].map(
    (id) => ({
      what: `the header Keyhold-Tenant: ${id.slice(0, 30)}`,
      ...malformed,
      send: ({ server, tenant }: Scene) =>
        rawRequest(server.url, 'GET', providers, {
          token: tenant.adminToken,
          headers: { 'keyhold-tenant': id },
        }),
    }),
  ),
  ...['x', '0'.repeat(17), '0'.repeat(15_000), '%00', '%2e%2e%2f', canary].map((id) => ({
    what: `the API key ${id.slice(0, 20)}`,
    status: 404,
    code: 'ERR_API_KEY_NOT_FOUND',
    send: ({ server }: Scene) =>
      rawRequest(server.url, 'DELETE', `/api/v1/api-keys/${id}`, { token: server.operatorToken }),
  })),
  ...fingerprintRows('', 400, 'ERR_FINGERPRINT_INVALID'),
  ...['%00', '%2e%2e', 'a%2Fb', "'", 'f%20p', '%F0%9F%94%91', '%E2%80%AE', 'e%CC%81', `${canary}%0a`].flatMap(
    (text) => fingerprintRows(text, 400, 'ERR_FINGERPRINT_INVALID'),
  ),
  ...['f'.repeat(65), 'f'.repeat(15_000), '%20'.repeat(65)].flatMap((text) =>
    fingerprintRows(text, 414, 'ERR_FINGERPRINT_TOO_LONG'),
  ),
  ...[canary, '0'.repeat(32), 'F'.repeat(32), '0'.repeat(64)].flatMap((text) =>
    fingerprintRows(text, 404, 'ERR_KEY_PROVIDER_NOT_FOUND'),
  ),
]

function fingerprintRows(fingerprint: string, status: number, code: string): BadInput[] {
  const path = `${providers}/${fingerprint}`
  const asks: [method: string, path: string, body?: unknown][] = [
    ['GET', path],
    ['PATCH', path, [{ op: 'replace', path: '/name', value: canary }]],
    ['DELETE', path],
    ['POST', `${path}/actions/migrate`],
    ['POST', `${path}/actions/test`],
  ]
  return asks.map(([method, target, body]) => ({
    what: `${method} the key provider "${fingerprint.slice(0, 30)}"`,
    status,
    code,
    send: ({ server, tenant }) => rawRequest(server.url, method, target, { token: tenant.adminToken, body }),
  }))
}
