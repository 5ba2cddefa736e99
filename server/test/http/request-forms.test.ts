// Requests as clients really send them, and as nobody should: what is served, and what is refused in the envelope.
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { rawRequest, sendBytes } from './raw-request.ts'
import { errorCode, textAt } from './read-body.ts'
import { details, providers, registerKey, reset } from './scene.ts'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer()
  tenant = await server.createTenant()
})
afterAll(() => server.stop())

const json = { 'content-type': 'application/json' }

describe('an empty body announced as JSON', () => {
  it('is accepted by every route without a body', async () => {
    const { fingerprint } = await registerKey(server, tenant)
    const calls = [
      ['GET', `${providers}/actions/list`, 200],
      ['GET', `${providers}/${fingerprint}`, 200],
      ['POST', `${providers}/${fingerprint}/actions/test`, 201],
      ['POST', reset, 200],
      ['DELETE', `${providers}/${fingerprint}`, 200],
    ] as const

    for (const [method, path, status] of calls) {
      const answer = await rawRequest(server.url, method, path, { token: tenant.adminToken, headers: json })
      expect(answer.status, `${method} ${path}`).toBe(status)
    }
  })

  it('is refused where a body is needed', async () => {
    const answer = await rawRequest(server.url, 'POST', providers, {
      token: tenant.adminToken,
      headers: json,
    })

    expect(answer.status).toBe(400)
  })
})

describe('a body', () => {
  test.each([
    ['broken JSON', '{"name":'],
    ['trailing junk', '{"name":"x","arn":"y"} z'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a number', '1'],
    ['a __proto__ member', '{"name":"x","arn":"y","__proto__":{"isAdmin":true}}'],
    ['a nested __proto__ member', '{"name":"x","arn":"y","a":{"__proto__":null}}'],
    ['a constructor.prototype member', '{"name":"x","arn":"y","constructor":{"prototype":{}}}'],
    ['half a surrogate pair', '{"name":"\\ud800","arn":"y"}'],
    ['a NUL', '{"name":"a\\u0000b","arn":"y"}'],
    ['a NUL beside an unknown member "items"', '{"name":"a\\u0000b","arn":"y","items":1}'],
    ['an object for a string', '{"name":{"a":1},"arn":"y"}'],
    ['too long a name', JSON.stringify({ name: 'x'.repeat(257), arn: 'y' })],
    ['UTF-16', Buffer.from('{"name":"x","arn":"y"}', 'utf16le')],
  ])('of %s is refused with 400', async (_, body) => {
    const answer = await rawRequest(server.url, 'POST', providers, { token: tenant.adminToken, body })

    expect(answer.status, answer.text).toBe(400)
    expect(errorCode(answer.body)).toBe('ERR_INVALID_REQUEST')
  })

  test.each(['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'multipart/form-data'])(
    'of %s is refused with 415',
    async (contentType) => {
      const headers = { 'content-type': contentType }
      const options = { token: tenant.adminToken, headers, body: '{"name":"x","arn":"y"}' }

      const answer = await rawRequest(server.url, 'POST', providers, options)

      expect(answer.status).toBe(415)
      expect(errorCode(answer.body)).toBe('ERR_UNSUPPORTED_MEDIA_TYPE')
    },
  )

  test.each(['application/json\t;x', ' application/json', 'application/JSON ; x', 'application/json;'])(
    'is checked all the same under the content type "%s"',
    async (contentType) => {
      const headers = { 'content-type': contentType }
      const options = { token: tenant.adminToken, headers, body: '{"name":1}' }

      const answer = await rawRequest(server.url, 'POST', providers, options)

      expect([400, 415]).toContain(answer.status)
    },
  )

  it('that announces more than 32 MiB is refused with 413 before it is sent', async () => {
    const answer = await rawRequest(server.url, 'POST', providers, {
      token: tenant.adminToken,
      headers: { ...json, 'content-length': '33554433' },
    })

    expect(answer.status).toBe(413)
    expect(errorCode(answer.body)).toBe('ERR_PAYLOAD_TOO_LARGE')
  })
})

describe('a path', () => {
  test.each([
    ['in other letters', 'GET', '/api/v1/encryption/keyProviders'],
    ['with two slashes', 'GET', `${providers}//`],
    ['that never existed', 'GET', '/api/v2'],
  ])('%s is no route, and no redirect', async (_, method, path) => {
    const answer = await rawRequest(server.url, method, path, { token: tenant.adminToken })

    expect(answer.status).toBe(404)
    expect(answer.headers.location).toBeUndefined()
    expect(errorCode(answer.body)).toBe('ERR_ROUTE_NOT_FOUND')
  })

  it('that cannot be decoded is refused in the envelope', async () => {
    const answer = await rawRequest(server.url, 'GET', `${providers}/%zz`, { token: tenant.adminToken })

    expect(answer.status).toBe(400)
    expect(answer.body).toEqual({
      errors: [{ code: 'ERR_INVALID_REQUEST', title: 'The request is malformed.' }],
      traceId: answer.headers['x-b3-traceid'],
    })
  })

  test.each(['f'.repeat(65), 'f'.repeat(12_000), 'f%20'.repeat(100)])(
    'with too long a fingerprint is refused with 414',
    async (fingerprint) => {
      const answer = await rawRequest(server.url, 'GET', `${providers}/${fingerprint}`, {
        token: tenant.adminToken,
      })

      expect(answer.status).toBe(414)
    },
  )

  test.each(['', '%00', '%2e%2e', 'a%2Fb', "'", '%F0%9F%94%91', '%E2%80%AE'])(
    'with the fingerprint "%s" is refused with 400',
    async (fingerprint) => {
      const answer = await rawRequest(server.url, 'GET', `${providers}/${fingerprint}`, {
        token: tenant.adminToken,
      })

      expect(answer.status).toBe(400)
      expect(errorCode(answer.body)).toBe('ERR_FINGERPRINT_INVALID')
    },
  )
})

test.each([
  ['is no HTTP', 'Hello there\r\n\r\n', 400, 'ERR_INVALID_REQUEST'],
  [
    'has too large headers',
    `GET / HTTP/1.1\r\na: ${'b'.repeat(20_000)}\r\n\r\n`,
    431,
    'ERR_HEADERS_TOO_LARGE',
  ],
  [
    'has two lengths',
    'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
    'ERR_INVALID_REQUEST',
  ],
])('what %s is answered in the envelope and cut off', async (_, bytes, status, code) => {
  const text = await sendBytes(server.url, bytes)

  expect(text.startsWith(`HTTP/1.1 ${status} `)).toBe(true)
  const traceId = /x-b3-traceid: ([0-9a-f]{32})/.exec(text)?.[1]
  const body: unknown = JSON.parse(text.slice(text.indexOf('\r\n\r\n')))
  expect(errorCode(body)).toBe(code)
  expect(textAt(body, 'traceId')).toBe(traceId)
})

it('serves product-info to anyone, exactly as the npm client wants it', async () => {
  const answer = await rawRequest(server.url, 'GET', '/resources/autogenerated/product-info.json')

  expect(answer.status).toBe(200)
  expect(answer.headers['content-type']).toMatch(/^application\/json/)
  expect(answer.text).toBe('{"composition":{"deploymentType":"QlikCloud"}}')
})

it('ignores headers of clients of the original, and names each request anew', async () => {
  const headers = {
    'qlik-api-version': 'x',
    'x-b3-traceid': '1'.repeat(32),
    'x-http-method-override': 'DELETE',
  }
  const first = await rawRequest(server.url, 'GET', providers, { token: tenant.adminToken, headers })
  const second = await rawRequest(server.url, 'GET', details, { token: tenant.adminToken, headers })

  expect(first.status).toBe(200)
  expect(first.headers['x-b3-traceid']).not.toBe('1'.repeat(32))
  expect(first.headers['x-b3-traceid']).not.toBe(second.headers['x-b3-traceid'])
})
