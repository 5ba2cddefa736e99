// The limits of API keys over HTTP: their end, scopes, networks, and who may make, rename, rotate and end which.
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import {
  startTestServer,
  type HttpAnswer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { at, errorCode, listAt, textAt } from '../read-body.ts'
import { doseOf, slowTest } from '../../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer()
  tenant = await server.createTenant()
})
afterAll(() => server.stop())

const keys = '/api/v1/api-keys'
const unknownId = '0'.repeat(16)

async function create(
  body: object,
  token = server.operatorToken,
): Promise<{ id: string; key: string; body: unknown }> {
  const answer = await server.request('POST', keys, { token, body })
  expect(answer.status, answer.text).toBe(201)
  return { id: textAt(answer.body, 'id'), key: textAt(answer.body, 'key'), body: answer.body }
}
const service = (scopes?: string[], more: object = {}) =>
  create({ role: 'service', tenantId: tenant.tenantId, ...(scopes && { scopes }), ...more })
const codeOf = ({ status, body }: HttpAnswer) => [status, errorCode(body)]
const post = (path: string, token: string, body: unknown, headers: Record<string, string> = {}) =>
  server.request('POST', `/api/v1/encryption/${path}`, { token, body, headers })
const plain = (keyName: string, bytes = 'hi') => ({
  plaintext: Buffer.from(bytes).toString('base64'),
  keyName,
})

/** Tokens or codes of errors, item by item. */
async function items(path: string, token: string, list: object[]): Promise<string[]> {
  const { status, body, text } = await post(path, token, { items: list })
  expect(status, text).toBe(200)
  return listAt(at(body, 'items')).map((item) => {
    const {
      token: made,
      plaintext,
      error,
    } = item as { token?: string; plaintext?: string; error?: { code: string } }
    return error?.code ?? made ?? plaintext ?? ''
  })
}

async function tokensOf(names: string[]): Promise<string[]> {
  return items(
    'encrypt',
    tenant.serviceToken,
    names.map((name) => plain(name)),
  )
}

describe('a new key', () => {
  it('has the form that scanners know, an end by its role, and a maker', async () => {
    for (const [role, days] of [
      ['service', 365],
      ['tenant-admin', 90],
    ] as const) {
      const { key, body } = await create({ role, tenantId: tenant.tenantId })
      expect(key).toMatch(/^khk_[0-9a-z]{16}_[0-9A-Za-z]{49}$/)
      const lifeDays = (Date.parse(textAt(body, 'expiresAt')) - Date.now()) / 86_400_000
      expect(Math.abs(lifeDays - days)).toBeLessThan(0.1)
      expect(at(body, 'createdBy')).toBe(server.operatorToken.split('_')[1])
      expect(at(body, 'responsible')).toBe('command')
    }
    const { body } = await service(undefined, { expiresInSeconds: 'none' })
    expect(at(body, 'expiresAt')).toBeUndefined()
  })

  test.each(
    doseOf(
      [
        [{ expiresInSeconds: 59 }],
        [{ expiresInSeconds: 'never' }],
        [{ scopes: ['root'] }],
        [{ scopes: ['lease:pay'] }],
        [{ scopes: ['encrypt:*pay'] }],
        [{ addresses: [] }],
        [{ addresses: ['192.0.2.0/33'] }],
        [{ addresses: ['example.com'] }],
      ],
      2,
    ),
  )('is refused with %j', async (more) => {
    const body = { role: 'service', tenantId: tenant.tenantId, ...more }
    expect(codeOf(await server.request('POST', keys, { token: server.operatorToken, body }))).toEqual([
      400,
      'ERR_INVALID_REQUEST',
    ])
  })

  slowTest('is refused for a wrong scope with examples of scopes', async () => {
    const body = { role: 'service', tenantId: tenant.tenantId, scopes: ['encryptt:pay'] }
    const answer = await server.request('POST', keys, { token: server.operatorToken, body })
    expect(JSON.stringify(answer.body)).toContain(
      'The member /scopes/0 must be written as in these examples: lock, encrypt:pay, decrypt:pay*.',
    )
  })

  slowTest('is refused for a wrong role with the roles that there are', async () => {
    const body = { role: 'serivce', tenantId: tenant.tenantId }
    const answer = await server.request('POST', keys, { token: server.operatorToken, body })
    expect(JSON.stringify(answer.body)).toContain(
      'The member /role must be one of \\"tenant-admin\\", \\"service\\", ',
    )
  })

  slowTest('is listed with its end, its maker by name, and when it was last used', async () => {
    const { id, key } = await service(['encrypt'])
    await items('encrypt', key, [plain('default')])
    await server.query('insert into keyhold.api_key_uses values ($1, now())', [id])
    const { body } = await server.request('GET', `${keys}?limit=1000`, { token: server.operatorToken })
    const listed = listAt(at(body, 'apiKeys')).find((each) => at(each, 'id') === id)
    expect(listed).toMatchObject({
      scopes: ['encrypt'],
      createdByName: expect.any(String) as string,
      lastUsedAt: expect.any(String) as string,
    })
    expect(JSON.stringify(listed)).not.toContain(key.slice(-49))
  })
})

describe('scopes', () => {
  it('of an empty list leave nothing, and those of another route are refused before the body', async () => {
    const { key: none } = await service([])
    const { key: lease } = await service(['lease'])
    for (const path of [
      'encrypt',
      'decrypt',
      'reencrypt',
      'data-keys',
      'data-keys/unwrap',
      'data-keys/blind-index',
    ])
      expect(codeOf(await post(path, none, '{')), path).toEqual([403, 'ERR_SCOPE_MISSING'])
    expect(codeOf(await post('encrypt', lease, '{'))).toEqual([403, 'ERR_SCOPE_MISSING'])
    expect((await post('data-keys', lease, {})).status).toBe(200)
  })

  it('of key names hold item by item, and a key that is refused is not made', async () => {
    const { key } = await service(['encrypt:pay*', 'encrypt:chat'])
    const names = ['pay', 'pay-2', 'chat', 'chats', 'brand-new']
    const made = await items(
      'encrypt',
      key,
      names.map((name) => plain(name)),
    )
    expect(made.map((each) => each.startsWith('kh1.'))).toEqual([true, true, true, false, false])
    expect(made.slice(3)).toEqual(['ERR_SCOPE_MISSING', 'ERR_SCOPE_MISSING'])
    const { text } = await server.request('GET', '/api/v1/encryption/data-keys', { token: tenant.adminToken })
    expect(text).not.toContain('brand-new')
    expect(codeOf(await post('decrypt', key, '{'))).toEqual([403, 'ERR_SCOPE_MISSING'])
  })

  it('of key names hold for tokens by the name of their data key: decrypted and re-encrypted', async () => {
    const tokens = await tokensOf(['pay', 'chat'])
    const { key } = await service(['decrypt:pay', 'reencrypt:chat'])
    const list = tokens.map((token) => ({ token }))
    expect(await items('decrypt', key, list)).toEqual(['aGk=', 'ERR_SCOPE_MISSING'])
    expect(await items('reencrypt', key, list)).toEqual(['ERR_SCOPE_MISSING', tokens[1]])
    // From memory as well as from the database.
    expect(await items('decrypt', key, list)).toEqual(['aGk=', 'ERR_SCOPE_MISSING'])
  })

  slowTest('hold for one value as bytes', async () => {
    const { key } = await service(['encrypt:pay', 'decrypt:pay'])
    const octets = (path: string, body: Buffer, keyName: string) =>
      fetch(`${server.url}/api/v1/encryption/${path}`, {
        method: 'POST',
        headers: {
          ...{ authorization: `Bearer ${key}`, 'content-type': 'application/octet-stream' },
          'keyhold-key-name': keyName,
        },
        body: new Uint8Array(body),
      })
    for (const bytes of [Buffer.from('hi'), Buffer.alloc(100_000, 1)]) {
      const sealed = await octets('encrypt', bytes, 'pay')
      expect(sealed.status).toBe(200)
      expect((await octets('decrypt', Buffer.from(await sealed.arrayBuffer()), 'pay')).status).toBe(200)
      expect((await octets('encrypt', bytes, 'chat')).status).toBe(403)
    }
    const [chat = ''] = await tokensOf(['chat'])
    expect((await octets('decrypt', Buffer.from(chat.slice(4), 'base64url'), 'pay')).status).toBe(403)
  })

  it('hold for long bodies, which another thread works on', async () => {
    const { key } = await service(['encrypt:pay', 'decrypt:pay'])
    const long = 'x'.repeat(60_000)
    const [pay = '', chat = ''] = await items('encrypt', key, [plain('pay', long), plain('chat', long)])
    expect([pay.slice(0, 4), chat]).toEqual(['kh1.', 'ERR_SCOPE_MISSING'])
    const [foreign = ''] = await items('encrypt', tenant.serviceToken, [plain('chat', long)])
    const opened = await items('decrypt', key, [{ token: pay }, { token: foreign }])
    expect(opened).toEqual([Buffer.from(long).toString('base64'), 'ERR_SCOPE_MISSING'])
  })

  it('for leases give no data key of another name', async () => {
    const [pay = ''] = await tokensOf(['pay'])
    const header = Buffer.from(pay.slice(4), 'base64url').subarray(0, 26).toString('base64')
    const { key } = await service(['lease', 'decrypt:pay'])
    expect(codeOf(await post('data-keys/unwrap', key, { header }))).toEqual([403, 'ERR_SCOPE_MISSING'])
    const leased = await post('data-keys', key, {})
    expect((await post('data-keys/unwrap', key, { header: textAt(leased.body, 'header') })).status).toBe(200)
    const { key: both } = await service(['lease', 'decrypt:pay', 'encrypt:p*'])
    expect((await post('data-keys/unwrap', both, { header })).status).toBe(200)
  })

  it('of blind indexes hold by name', async () => {
    const { key } = await service(['blind-index:mail'])
    expect((await post('data-keys/blind-index', key, { keyName: 'mail' })).status).toBe(200)
    expect(codeOf(await post('data-keys/blind-index', key, { keyName: 'name' }))).toEqual([
      403,
      'ERR_SCOPE_MISSING',
    ])
  })

  it('never give more than the role', async () => {
    const { key } = await create({ role: 'auditor', tenantId: tenant.tenantId, scopes: ['read-settings'] })
    for (const path of ['encrypt', 'actions/lock'])
      expect(codeOf(await post(path, key, '{')), path).toEqual([403, 'ERR_FORBIDDEN'])
    const audits = await server.request('GET', '/api/v1/encryption/audits', { token: key })
    expect(codeOf(audits)).toEqual([403, 'ERR_SCOPE_MISSING'])
  })

  test.each<[string, string[], boolean]>([
    ['auditor', ['encrypt'], false],
    ['service', ['encrypt', 'lock'], false],
    ['service-encrypt', ['decrypt:pay'], false],
    ['tenant-admin', ['lock', 'encrypt:pay*'], false],
    ['tenant-admin', ['manage-api-keys', 'manage-tenants'], false],
    // It gives them to the keys that it makes.
    ['tenant-admin', ['manage-api-keys', 'encrypt:pay*'], true],
    ['auditor', ['read-audits', 'read-settings'], true],
  ])('of the role %s may be %j: %s', async (role, scopes, isRight) => {
    const body = { role, scopes, tenantId: tenant.tenantId }
    const answer = await server.request('POST', keys, { token: server.operatorToken, body })
    if (isRight) expect(answer.status, answer.text).toBe(201)
    else expect(codeOf(answer)).toEqual([400, 'ERR_SCOPE_OUTSIDE_ROLE'])
  })
})

describe('networks', () => {
  it('let in who calls from them; elsewhere the key looks like one that nobody has', async () => {
    const { key: here } = await service(undefined, { addresses: ['127.0.0.0/8', '::1'] })
    const { key: elsewhere } = await service(undefined, { addresses: ['192.0.2.0/24'] })
    expect(await items('encrypt', here, [plain('default')])).toHaveLength(1)
    for (let round = 0; round < 2; round++)
      expect(codeOf(await post('encrypt', elsewhere, '{'))).toEqual([401, 'ERR_UNAUTHENTICATED'])
    const faked = await post('encrypt', elsewhere, '{', { 'x-forwarded-for': '192.0.2.1' })
    expect(codeOf(faked)).toEqual([401, 'ERR_UNAUTHENTICATED'])
  })

  it('are not stored while requests come through a proxy that is not trusted', async () => {
    const body = { role: 'service', tenantId: tenant.tenantId, addresses: ['192.0.2.0/24'] }
    const asked = { token: server.operatorToken, body, headers: { 'x-forwarded-for': '198.51.100.1' } }
    expect(codeOf(await server.request('POST', keys, asked))).toEqual([409, 'ERR_API_KEY_ADDRESSES'])
    await server.restart()
    await service(undefined, { addresses: ['192.0.2.0/24'] })
  })

  slowTest('are kept from its own keys alone by a tenant whose requests come so', async () => {
    const forwarded = { 'x-forwarded-for': '198.51.100.1' }
    const own = await server.createTenant()
    const other = await server.createTenant()
    await server.request('GET', '/api/v1/encryption/settings', { token: own.adminToken, headers: forwarded })
    const addresses = ['192.0.2.0/24']
    for (const token of [own.adminToken, server.operatorToken]) {
      const body = { role: 'service', tenantId: own.tenantId, addresses }
      expect(codeOf(await server.request('POST', keys, { token, body }))).toEqual([
        409,
        'ERR_API_KEY_ADDRESSES',
      ])
    }
    await create({ role: 'service', addresses }, other.adminToken)
    await create({ role: 'service', addresses })
    // An operator speaks for the whole installation.
    await server.request('GET', '/api/v1/tenants', { token: server.operatorToken, headers: forwarded })
    const body = { role: 'service', addresses }
    const refused = await server.request('POST', keys, { token: other.adminToken, body })
    expect(codeOf(refused)).toEqual([409, 'ERR_API_KEY_ADDRESSES'])
    await server.restart()
  })
})

describe('a tenant admin', () => {
  it('makes, lists, renames, rotates and ends keys of its tenant, and knows of no others', async () => {
    const own = await server.createTenant()
    const { id } = await create({ role: 'service' }, own.adminToken)
    const asked = (method: string, path: string, body?: unknown) =>
      server.request(method, path, { token: own.adminToken, body })
    const listed = await asked('GET', keys)
    const tenants = listAt(at(listed.body, 'apiKeys')).map((each) => at(each, 'tenantId'))
    expect(tenants).toEqual([own.tenantId, own.tenantId, own.tenantId])
    expect((await asked('PATCH', `${keys}/${id}`, { name: 'new' })).body).toMatchObject({ id, name: 'new' })
    const rotated = await asked('POST', `${keys}/${id}/actions/rotate`, {})
    expect(rotated.body).toMatchObject({ predecessorId: id, name: 'new', role: 'service' })
    expect((await asked('DELETE', `${keys}/${id}`)).status).toBe(204)
    const operatorId = server.operatorToken.split('_')[1] ?? ''
    for (const foreign of [operatorId, tenant.adminToken.split('_')[1] ?? '', unknownId]) {
      for (const [method, path, body] of [
        ['PATCH', `${keys}/${foreign}`, { name: 'x' }],
        ['POST', `${keys}/${foreign}/actions/rotate`, {}],
        ['DELETE', `${keys}/${foreign}`, undefined],
      ] as const)
        expect(codeOf(await asked(method, path, body)), method).toEqual([404, 'ERR_API_KEY_NOT_FOUND'])
    }
    expect(codeOf(await asked('POST', keys, { role: 'service', tenantId: tenant.tenantId }))).toEqual([
      404,
      'ERR_TENANT_NOT_FOUND',
    ])
  })

  it('makes no key that makes keys, and none that is wider than its own', async () => {
    const scopes = ['manage-api-keys', 'encrypt:pay*', 'lock']
    const { key: narrow } = await create({ role: 'tenant-admin', tenantId: tenant.tenantId, scopes })
    const ask = (token: string, body: object) => server.request('POST', keys, { token, body })
    for (const body of [
      { role: 'operator' },
      { role: 'tenant-admin' },
      { role: 'tenant-admin', scopes: ['manage-api-keys'] },
    ])
      expect(codeOf(await ask(tenant.adminToken, body))).toEqual([403, 'ERR_API_KEY_TOO_WIDE'])
    for (const body of [
      { role: 'service' },
      { role: 'service', scopes: ['encrypt'] },
      { role: 'service', scopes: ['decrypt:pay'] },
    ])
      expect(codeOf(await ask(narrow, body))).toEqual([403, 'ERR_API_KEY_TOO_WIDE'])
    for (const body of [
      { role: 'service', scopes: ['encrypt:pay-1', 'encrypt:pay*'] },
      { role: 'tenant-admin', scopes: ['lock'] },
    ])
      expect((await ask(narrow, body)).status).toBe(201)
    // The successor of a wider key would be one, too.
    const adminId = tenant.adminToken.split('_')[1] ?? ''
    const rotated = await server.request('POST', `${keys}/${adminId}/actions/rotate`, {
      token: narrow,
      body: {},
    })
    expect(codeOf(rotated)).toEqual([403, 'ERR_API_KEY_TOO_WIDE'])
  })

  it('with scopes ends and renames no key that is wider than its own', async () => {
    const own = await server.createTenant()
    const scopes = ['manage-api-keys', 'encrypt:pay*']
    const narrow = await create({ role: 'tenant-admin', tenantId: own.tenantId, scopes })
    const within = await create({ role: 'service', scopes: ['encrypt:pay-1'] }, narrow.key)
    const change = async (id: string, token: string) => [
      (await server.request('PATCH', `${keys}/${id}`, { token, body: { name: 'x' } })).status,
      (await server.request('DELETE', `${keys}/${id}`, { token })).status,
    ]
    for (const wide of [own.adminToken, own.serviceToken])
      expect(await change(wide.split('_')[1] ?? '', narrow.key)).toEqual([403, 403])
    expect(await change(within.id, narrow.key)).toEqual([200, 204])
    expect(await change(narrow.id, narrow.key)).toEqual([200, 204])
    expect(await change(own.serviceToken.split('_')[1] ?? '', own.adminToken)).toEqual([200, 204])
  })
})

slowTest(
  'names stand beside ids in the audit trail, and a tenant sees those of its own keys alone',
  async () => {
    const own = await server.createTenant()
    const { id } = await create({ role: 'service', name: 'billing' }, own.adminToken)
    await create({ role: 'auditor', tenantId: own.tenantId })
    const adminId = own.adminToken.split('_')[1] ?? ''
    await server.request('PATCH', `${keys}/${adminId}`, { token: own.adminToken, body: { name: 'Ann' } })
    const ofTenant = await server.request('GET', '/api/v1/encryption/audits', { token: own.adminToken })
    const names = at(ofTenant.body, 'names') as Record<string, string>
    expect(names).toMatchObject({ [id]: 'billing', [adminId]: 'Ann' })
    const operatorId = server.operatorToken.split('_')[1] ?? ''
    expect(JSON.stringify(at(ofTenant.body, 'audits'))).toContain(operatorId)
    expect(Object.keys(names)).not.toContain(operatorId)
    const path = `/api/v1/audits?tenantId=${own.tenantId}`
    const ofAll = await server.request('GET', path, { token: server.operatorToken })
    expect(at(ofAll.body, 'names')).toMatchObject({ [operatorId]: 'test', [id]: 'billing' })
  },
)

it('an admin makes no key beyond the quota of its tenant, and an operator does', async () => {
  const own = await server.createTenant()
  // Nobody believes these rows; they count.
  await server.query(
    `insert into keyhold.api_keys (id, secret_hash, role, tenant_id, name)
    select lpad(n::text, 16, '0'), decode(repeat('ab', 32), 'hex'), 'service', $1, '' from generate_series(1, 998) n`,
    [own.tenantId],
  )
  const adminId = own.adminToken.split('_')[1] ?? ''
  for (const [path, body] of [
    [keys, { role: 'service' }],
    [`${keys}/${adminId}/actions/rotate`, {}],
  ] as const)
    expect(codeOf(await server.request('POST', path, { token: own.adminToken, body }))).toEqual([
      409,
      'ERR_API_KEY_QUOTA',
    ])
  await create({ role: 'service', tenantId: own.tenantId })
})

slowTest('of several keys at once an admin makes no more than the quota leaves', async () => {
  const own = await server.createTenant()
  await server.query(
    `insert into keyhold.api_keys (id, secret_hash, role, tenant_id, name)
    select 'q' || lpad(n::text, 15, '0'), decode(repeat('ab', 32), 'hex'), 'service', $1, '' from generate_series(1, 997) n`,
    [own.tenantId],
  )
  const answers = await Promise.all(
    Array.from({ length: 6 }, () =>
      server.request('POST', keys, { token: own.adminToken, body: { role: 'service' } }),
    ),
  )
  expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409, 409, 409])
})

describe('a rotation', () => {
  slowTest('is refused after ten within a day', async () => {
    const made = await create({ role: 'tenant-admin', tenantId: tenant.tenantId })
    let { id, key } = made
    const rotate = () =>
      server.request('POST', `${keys}/${id}/actions/rotate`, { token: key, body: { overlapSeconds: 0 } })
    for (let count = 0; count < 10; count++) {
      const { body } = await rotate()
      id = textAt(body, 'id')
      key = textAt(body, 'key')
    }
    const refused = await rotate()
    expect(codeOf(refused)).toEqual([409, 'ERR_API_KEY_ROTATING'])
    expect(refused.text).toContain('10 times within a day')
    // Nothing has ended.
    expect((await server.request('GET', keys, { token: key })).status).toBe(200)
  })

  it('of its own key gives a successor at once, and both work until the overlap is over', async () => {
    const { id, key } = await create({ role: 'tenant-admin', tenantId: tenant.tenantId })
    const rotate = (token: string, of: string, body: object) =>
      server.request('POST', `${keys}/${of}/actions/rotate`, { token, body })
    const rotated = await rotate(key, id, { overlapSeconds: 600 })
    expect(rotated.status, rotated.text).toBe(201)
    const successor = textAt(rotated.body, 'key')
    const status = async (token: string) =>
      (await server.request('GET', '/api/v1/encryption/settings', { token })).status
    expect([await status(key), await status(successor)]).toEqual([200, 200])
    expect(codeOf(await rotate(successor, id, {}))).toEqual([409, 'ERR_API_KEY_ROTATING'])
    await server.request('DELETE', `${keys}/${id}`, { token: successor })
    const again = await rotate(successor, textAt(rotated.body, 'id'), { overlapSeconds: 0 })
    expect([await status(key), await status(successor), await status(textAt(again.body, 'key'))]).toEqual([
      401, 401, 200,
    ])
  })
})

slowTest('the last key of an operator is ended by who says so', async () => {
  const { body } = await server.request('GET', `${keys}?limit=1000`, { token: server.operatorToken })
  const own = server.operatorToken.split('_')[1] ?? ''
  const others = listAt(at(body, 'apiKeys')).filter(
    (each) => at(each, 'role') === 'operator' && at(each, 'id') !== own,
  )
  for (const other of others)
    await server.request('DELETE', `${keys}/${textAt(other, 'id')}`, { token: server.operatorToken })
  await create({ role: 'operator', scopes: ['read-tenants'] })
  const end = (query: string) =>
    server.request('DELETE', `${keys}/${own}${query}`, { token: server.operatorToken })
  expect(codeOf(await end(''))).toEqual([409, 'ERR_API_KEY_LAST_OPERATOR'])
  expect((await end('?lastOperator=true')).status).toBe(204)
  expect((await server.request('GET', keys, { token: server.operatorToken })).status).toBe(401)
})
