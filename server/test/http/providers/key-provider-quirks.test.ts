// Clients of the original rely on these details of key providers, beyond the statuses.
import { CreateAliasCommand } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { at, errorCode, listAt, textAt } from '../read-body.ts'
import { createKey, migrateTo, providers, registerKey } from '../scene.ts'
import { slowTest } from '../../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const zeroTime = '0001-01-01T00:00:00Z'
const toTheSecond = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/

const call = (tenant: TestTenant, method: string, path: string, body?: unknown) =>
  server.request(method, `${providers}${path}`, { token: tenant.adminToken, body })

const create = (tenant: TestTenant, body: object) => call(tenant, 'POST', '', { name: 'a key', ...body })

describe('the lists', () => {
  it('are bare arrays, also when empty', async () => {
    const tenant = await server.createTenant()

    expect((await call(tenant, 'GET', '')).text).toBe('[]')
    expect((await call(tenant, 'GET', '/actions/list')).body).toHaveLength(1)
  })

  it('show the default provider in actions/list alone, in the words of the original', async () => {
    const tenant = await server.createTenant()
    const { fingerprint } = await registerKey(server, tenant)

    const registered = listAt((await call(tenant, 'GET', '')).body)
    const [first, second, ...others] = listAt((await call(tenant, 'GET', '/actions/list')).body)

    expect(registered).toEqual([second])
    expect(others).toEqual([])
    expect(at(second, 'arnFingerPrint')).toBe(fingerprint)
    expect(first).toEqual({
      arn: '#QLIK_MANAGED_KEY_PROVIDER#',
      name: 'Qlik Internal Kms',
      tenantId: tenant.tenantId,
      createdAt: 'Qlik managed',
      description: 'Default key management service',
      keyprovider: 'Qlik',
      arnFingerPrint: tenant.tenantId,
      current: true,
      promotedToCurrentAt: expect.stringMatching(toTheSecond) as string,
      demotedFromCurrentAt: zeroTime,
    })
  })

  it('ignore unknown query parameters', async () => {
    const tenant = await server.createTenant()
    await registerKey(server, tenant)

    expect((await call(tenant, 'GET', '?limit=50')).body).toHaveLength(1)
    expect((await call(tenant, 'GET', '/actions/list?limit=0&limit=x')).body).toHaveLength(2)
  })
})

describe('registering', () => {
  it('answers the whole provider, without Location, and without members that say nothing', async () => {
    const tenant = await server.createTenant()
    const arn = await server.createCustomerKey([tenant.tenantId])

    const { headers, body } = await create(tenant, { arn, keyprovider: 'AWS-KMS' })

    expect(headers.get('location')).toBeNull()
    expect(body).toEqual({
      name: 'a key',
      tenantId: tenant.tenantId,
      arn,
      arnFingerPrint: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      keyprovider: 'AWS-KMS',
      createdAt: expect.stringMatching(toTheSecond) as string,
      promotedToCurrentAt: zeroTime,
      demotedFromCurrentAt: zeroTime,
      multiRegion: true,
      replicaKeys: [{ arn: arn.replace('eu-west-1', 'eu-west-3'), region: 'eu-west-3' }],
      drCompliant: true,
      complianceError: { code: '', region: '', message: '' },
      health: expect.objectContaining({ state: 'healthy', advice: '' }) as unknown,
    })
  })

  it('takes AWS-KMS for granted and ignores read-only and unknown members', async () => {
    const tenant = await server.createTenant()
    const arn = await createKey(server)

    const { status, body } = await create(tenant, {
      arn,
      description: 'of the finance department',
      current: true,
      tenantId: 'another',
      createdAt: 5,
      multiRegion: true,
      replicaKeys: 'none',
      drCompliant: true,
      complianceError: [{ code: '', region: '', message: '' }],
      keyProvider: 'AWS-KMS',
      items: null,
    })

    expect(status).toBe(201)
    expect(body).toMatchObject({
      tenantId: tenant.tenantId,
      keyprovider: 'AWS-KMS',
      description: 'of the finance department',
      multiRegion: false,
      replicaKeys: [],
    })
    expect(body).not.toHaveProperty('current')
  })

  test.each(['Qlik', 'aws-kms', '', null, 1])('refuses the key provider %j', async (keyprovider) => {
    const tenant = await server.createTenant()

    const { status } = await create(tenant, { arn: await createKey(server), keyprovider })

    expect(status).toBe(400)
  })

  it('resolves an alias and registers the key itself', async () => {
    const tenant = await server.createTenant()
    const arn = await createKey(server)
    const alias = `alias/key-${tenant.tenantId}`
    await server.customerKms().send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: arn }))

    const { status, body } = await create(tenant, { arn: arn.replace(/key\/.*$/, alias) })

    expect(status).toBe(201)
    expect(textAt(body, 'arn')).toBe(arn)
  })
})

describe('changing', () => {
  test.each(['application/json', 'application/json-patch+json'])('is done with %s', async (contentType) => {
    const tenant = await server.createTenant()
    const { fingerprint } = await registerKey(server, tenant)

    const answer = await server.request('PATCH', `${providers}/${fingerprint}`, {
      token: tenant.adminToken,
      headers: { 'content-type': contentType },
      body: [
        { op: 'replace', path: '/name', value: 'renamed' },
        { op: 'replace', path: '/description', value: 'described' },
      ],
    })

    expect(answer).toMatchObject({ status: 204, text: '' })
    expect((await call(tenant, 'GET', `/${fingerprint}`)).body).toMatchObject({
      name: 'renamed',
      description: 'described',
    })
  })

  it('to an empty description removes the member', async () => {
    const tenant = await server.createTenant()
    const { body } = await create(tenant, { arn: await createKey(server), description: 'first' })
    const path = `/${textAt(body, 'arnFingerPrint')}`

    await call(tenant, 'PATCH', path, [{ op: 'replace', path: '/description', value: '' }])

    expect((await call(tenant, 'GET', path)).body).not.toHaveProperty('description')
  })

  test.each([
    ['an object', { op: 'replace', path: '/name', value: 'x' }],
    ['an empty list', []],
    ['another operation', [{ op: 'add', path: '/name', value: 'x' }]],
    ['a read-only member', [{ op: 'replace', path: '/arn', value: 'x' }]],
    ['an empty name', [{ op: 'replace', path: '/name', value: '' }]],
    ['a number', [{ op: 'replace', path: '/name', value: 1 }]],
    ['half a surrogate pair', '[{"op":"replace","path":"/name","value":"\\ud800"}]'],
    ['a NUL', '[{"op":"replace","path":"/name","value":"\\u0000"}]'],
  ])('refuses %s', async (_, body) => {
    const tenant = await server.createTenant()
    const { fingerprint } = await registerKey(server, tenant)

    const answer = await call(tenant, 'PATCH', `/${fingerprint}`, body)

    expect(answer.status).toBe(400)
    expect(errorCode(answer.body)).toBe('ERR_INVALID_REQUEST')
  })

  it('refuses the default provider', async () => {
    const tenant = await server.createTenant()
    const body = [{ op: 'replace', path: '/name', value: 'mine' }]

    const answer = await call(tenant, 'PATCH', `/${tenant.tenantId}`, body)

    expect(answer.status).toBe(400)
    expect(errorCode(answer.body)).toBe('ERR_KEY_PROVIDER_DEFAULT')
  })
})

it('deletes with 200 and a message, and frees the key for registration', async () => {
  const tenant = await server.createTenant()
  const { arn, fingerprint } = await registerKey(server, tenant)

  const { status, text } = await call(tenant, 'DELETE', `/${fingerprint}`)

  expect(status).toBe(200)
  expect(text).toBe('{"message":"Keyprovider metadata deleted successfully"}')
  expect((await call(tenant, 'GET', `/${fingerprint}`)).status).toBe(404)
  expect((await create(tenant, { arn })).status).toBe(201)
})

slowTest(
  'marks exactly one provider as current, and stamps the change on both with one instant',
  async () => {
    const tenant = await server.createTenant()
    const { fingerprint } = await registerKey(server, tenant)
    await registerKey(server, tenant)

    await migrateTo(server, tenant, fingerprint)

    const list = listAt((await call(tenant, 'GET', '/actions/list')).body)
    const promoted = textAt(list, 1, 'promotedToCurrentAt')
    expect(list.map((each) => at(each, 'current'))).toEqual([undefined, true, undefined])
    expect(promoted).toMatch(toTheSecond)
    expect(promoted).not.toBe(zeroTime)
    expect(textAt(list, 0, 'demotedFromCurrentAt')).toBe(promoted)
    expect(textAt(list, 1, 'demotedFromCurrentAt')).toBe(zeroTime)
  },
)

slowTest('tests the default provider as well', async () => {
  const tenant = await server.createTenant()

  const { status, body } = await call(tenant, 'POST', `/${tenant.tenantId}/actions/test`)

  expect(status).toBe(201)
  expect(textAt(body, 'createdAt')).toBe('Qlik managed')
})
