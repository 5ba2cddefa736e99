import type { IncomingMessage } from 'node:http'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { createKeyholdClient, KeyholdApiError, KeyholdClientError, type Reply } from '@keyhold/client'
import { createKeyholdClient as createNodeClient } from '@keyhold/client/node'
import { closedPort, serve } from '../../testkit/src/http/serve.ts'

const token = 'kh_secret_token'
const fingerprint = '9f352c5a0000000000000000deadbeef'
const tenant = { id: 'acme', name: 'Acme', createdAt: '2026-01-02T03:04:05Z' }

async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it did not fail')
}

/** A client of a server that answers everything alike. */
async function clientOf(status: number, body = '', headers: Record<string, string> = {}) {
  const url = await serve((_request, response) => response.writeHead(status, headers).end(body))
  return createKeyholdClient({ url, token })
}

describe('a request', () => {
  test('carries method, path, token, tenant and body of the route', async () => {
    const seen: { request: IncomingMessage; body: string }[] = []
    const url = await serve((request, response) => {
      void text(request).then((body) => {
        seen.push({ request, body })
        response.writeHead(201).end(JSON.stringify(tenant))
      })
    })
    const client = createKeyholdClient({
      url: `${url}/base/`,
      token,
      tenantId: 'acme',
      headers: { 'x-a': 'b' },
    })
    const reply = await client.call('createTenant', { body: { id: 'acme', name: 'Acme' } })

    expect(reply).toEqual({ status: 201, body: tenant, text: JSON.stringify(tenant) })
    const [{ request, body } = {}] = seen
    expect(request?.method).toBe('POST')
    expect(request?.url).toBe('/base/api/v1/tenants')
    expect(request?.headers).toMatchObject({
      authorization: `Bearer ${token}`,
      'keyhold-tenant': 'acme',
      'content-type': 'application/json',
      'x-a': 'b',
    })
    expect(body).toBe('{"id":"acme","name":"Acme"}')
  })

  test('without a body has no content type', async () => {
    let headers: IncomingMessage['headers'] = {}
    const url = await serve((request, response) => {
      headers = request.headers
      response.end('{}')
    })
    await createKeyholdClient({ url, token }).call('migrateToKeyProvider', {
      params: { arnFingerPrint: fingerprint },
    })
    expect(headers['content-type']).toBeUndefined()
    expect(headers['keyhold-tenant']).toBeUndefined()
  })

  test('encodes parameters as one segment', async () => {
    let path: string | undefined
    const url = await serve((request, response) => {
      path = request.url
      response.end('{}')
    })
    await createKeyholdClient({ url, token }).call('getTenant', { params: { tenantId: 'a/b ?é' } })
    expect(path).toBe('/api/v1/tenants/a%2Fb%20%3F%C3%A9')
  })

  test.each(['', '.', '..'])(
    'refuses %j as a parameter, which would name another route',
    async (tenantId) => {
      const client = createKeyholdClient({ url: 'http://127.0.0.1:1', token })
      const error = await failure(client.call('deleteTenant', { params: { tenantId } }))
      expect(error).toMatchObject({ code: 'ERR_CLIENT_PARAMETER_INVALID', member: 'options.params.tenantId' })
    },
  )
})

describe('a reply', () => {
  test('204 has no body', async () => {
    const client = await clientOf(204)
    const reply = await client.call('deleteTenant', { params: { tenantId: 'acme' } })
    expect(reply).toEqual({ status: 204, body: undefined, text: '' })
  })

  test('205 has no body even when the server sends one, and the connection goes on', async () => {
    const client = await clientOf(205, '{"id":"dropped by fetch"}', { 'content-type': 'application/json' })
    for (let round = 0; round < 3; round++) {
      const reply = await client.call('resetToDefaultProvider')
      expect(reply).toEqual({ status: 205, body: undefined, text: '' })
    }
  })

  test('is typed by its status', async () => {
    const client = await clientOf(200, '{"message":"not needed"}')
    const reply: Reply<'resetToDefaultProvider'> = await client.call('resetToDefaultProvider')
    if (reply.status !== 200) throw new Error('expected 200')
    const message: string = reply.body.message
    expect(message).toBe('not needed')
  })

  test('arguments are typed by the route', () => {
    const client = createKeyholdClient({ url: 'http://127.0.0.1:1', token })
    const calls = [
      // @ts-expect-error the path has a parameter
      () => client.call('getTenant'),
      // @ts-expect-error the route takes a body
      () => client.call('createTenant'),
      // @ts-expect-error the body has a name
      () => client.call('createTenant', { body: { id: 'acme' } }),
      // @ts-expect-error the route takes no body
      () => client.call('listTenants', { body: {} }),
      // @ts-expect-error there is no such route
      () => client.call('noSuchRoute'),
    ]
    expect(calls).toHaveLength(5)
  })
})

describe('a refusal', () => {
  test('carries what the envelope says', async () => {
    const envelope = {
      errors: [
        { code: 'ERR_MIGRATION_RUNNING', title: 'A migration is already running.', detail: 'It is 4f.' },
      ],
      traceId: 'abc',
    }
    const client = await clientOf(428, JSON.stringify(envelope), { 'retry-after': '13' })
    const error = await failure(client.call('listTenants'))
    expect(error).toBeInstanceOf(KeyholdApiError)
    expect(error).toMatchObject({
      status: 428,
      code: 'ERR_MIGRATION_RUNNING',
      title: 'A migration is already running.',
      detail: 'It is 4f.',
      traceId: 'abc',
      retryAfterSeconds: 13,
      message: 'It is 4f.',
      envelope,
    })
  })

  test('without a detail has the title as its message', async () => {
    const client = await clientOf(404, '{"errors":[{"code":"X","title":"No."}],"traceId":"t"}')
    const error = await failure(client.call('listTenants'))
    expect(error).toMatchObject({ message: 'No.', detail: undefined, retryAfterSeconds: undefined })
  })

  test('reads a date as Retry-After', async () => {
    const date = new Date(Date.now() + 60_000).toUTCString()
    const client = await clientOf(503, '<html>', { 'retry-after': date })
    const error = await failure(client.call('listTenants'))
    if (!(error instanceof KeyholdClientError)) throw error
    expect(error.retryAfterSeconds).toBeGreaterThan(55)
    expect(error.retryAfterSeconds).toBeLessThanOrEqual(60)
  })
})

describe("an answer that is not Keyhold's", () => {
  test.each([
    ['text where JSON is promised', 200, '<html>hello</html>'],
    ['nothing where JSON is promised', 200, ''],
    ['a status of success that the route does not have', 202, '{}'],
    ['a redirect', 302, ''],
    ['an error page', 502, '<html>Bad gateway</html>'],
    ['an error without entries', 400, '{"errors":[]}'],
    ['an error in another form', 400, '{"message":"no"}'],
  ])('%s is a bad reply', async (_name, status, body) => {
    const client = await clientOf(status, body, { location: 'http://127.0.0.1:1/' })
    const error = await failure(client.call('listTenants'))
    expect(error).toBeInstanceOf(KeyholdClientError)
    expect(error).toMatchObject({ code: 'ERR_CLIENT_BAD_REPLY', status })
  })
})

describe('no answer', () => {
  test('nobody listens: unreachable, with the cause', async () => {
    const client = createKeyholdClient({ url: await closedPort(), token })
    const error = await failure(client.call('listTenants'))
    expect(error).toMatchObject({
      name: 'KeyholdClientError',
      code: 'ERR_CLIENT_UNREACHABLE',
      cause: expect.any(TypeError) as TypeError,
    })
  })

  test('the connection breaks: unreachable', async () => {
    const url = await serve((request) => request.socket.destroy())
    const error = await failure(createKeyholdClient({ url, token }).call('listTenants'))
    expect(error).toMatchObject({ code: 'ERR_CLIENT_UNREACHABLE' })
  })

  test('the connection breaks in mid-body: unreachable', async () => {
    const url = await serve((request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('[')
      setTimeout(() => request.socket.destroy(), 20)
    })
    const error = await failure(createKeyholdClient({ url, token }).call('listTenants'))
    expect(error).toMatchObject({ code: 'ERR_CLIENT_UNREACHABLE' })
  })

  test('silence: a timeout', async () => {
    const url = await serve(() => undefined)
    const error = await failure(createKeyholdClient({ url, token, timeoutMs: 50 }).call('listTenants'))
    expect(error).toMatchObject({ code: 'ERR_CLIENT_TIMEOUT' })
  })

  test('half a body, then silence: a timeout', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200).write('[')
    })
    const error = await failure(createKeyholdClient({ url, token, timeoutMs: 50 }).call('listTenants'))
    expect(error).toMatchObject({ code: 'ERR_CLIENT_TIMEOUT' })
  })

  test("the caller's signal rejects with its own reason", async () => {
    const url = await serve(() => undefined)
    const abort = new AbortController()
    const call = failure(createKeyholdClient({ url, token }).call('listTenants', { signal: abort.signal }))
    abort.abort(new Error('changed my mind'))
    expect(await call).toMatchObject({ message: 'changed my mind' })
  })
})

describe('the options of a client', () => {
  test.each([
    ['not a url', 'ERR_CLIENT_URL_INVALID'],
    ['localhost:8180', 'ERR_CLIENT_URL_INVALID'],
    ['ftp://localhost', 'ERR_CLIENT_URL_INVALID'],
    ['https://user:secret@example.com', 'ERR_CLIENT_URL_INVALID'],
    ['https://example.com/?token=secret', 'ERR_CLIENT_URL_INVALID'],
    ['http://example.com', 'ERR_CLIENT_URL_INSECURE'],
    ['http://localhost.example.com', 'ERR_CLIENT_URL_INSECURE'],
    ['http://10.0.0.1:8180', 'ERR_CLIENT_URL_INSECURE'],
    ['http://[2001:db8::1]', 'ERR_CLIENT_URL_INSECURE'],
  ])('refuses %s', (url, code) => {
    const create = () => createKeyholdClient({ url, token })
    expect(create).toThrow(expect.objectContaining({ code }) as Error)
    expect(create).not.toThrow(/secret/)
  })

  test.each([
    ['http://localhost:8180', false],
    ['http://127.0.0.1', false],
    ['http://127.1', false],
    ['http://[::1]:8180', false],
    ['https://example.com/keyhold/', false],
    ['http://example.com', true],
  ])('accepts %s (insecure: %s)', (url, insecure) => {
    expect(() => createKeyholdClient({ url, token, insecure })).not.toThrow()
  })

  test('refuses a token that no header can carry, without quoting it', () => {
    const create = () => createKeyholdClient({ url: 'http://localhost', token: 'secret\nline' })
    const refusal = { code: 'ERR_CLIENT_OPTION_INVALID', member: 'options.token' }
    expect(create).toThrow(expect.objectContaining(refusal) as Error)
    expect(create).not.toThrow(/secret/)
  })

  // Timers treat 2,147,483,648 ms as one.
  test.each([0, -1, 1.5, Number.NaN, Infinity, 2 ** 31])('refuses a timeout of %d ms', (timeoutMs) => {
    const create = () => createKeyholdClient({ url: 'http://localhost', token, timeoutMs })
    const refusal = { code: 'ERR_CLIENT_OPTION_INVALID', member: 'options.timeoutMs' }
    expect(create).toThrow(expect.objectContaining(refusal) as Error)
  })

  test('asks a function for the token of each request, also of one that is sent again', async () => {
    const seen: (string | undefined)[] = []
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(seen.length === 1 ? 503 : 200, { 'retry-after': '0' }).end('[]')
    })
    const tokens = ['one', 'two', 'three']
    const client = createKeyholdClient({
      url,
      token: async () => Promise.resolve(tokens.shift() ?? ''),
      maxRetries: 1,
    })
    await client.call('listKeyProviders')
    await client.call('listKeyProviders')
    expect(seen).toEqual(['Bearer one', 'Bearer two', 'Bearer three'])
    const refusal = { code: 'ERR_CLIENT_OPTION_INVALID', member: 'options.token' }
    expect(await failure(client.call('listKeyProviders'))).toMatchObject(refusal)
  })

  test('waits for a function no longer than for an answer', async () => {
    const never = () => new Promise<string>(() => undefined)
    const client = createKeyholdClient({ url: 'http://localhost', token: never, timeoutMs: 20 })
    expect(await failure(client.call('listKeyProviders'))).toMatchObject({ code: 'ERR_CLIENT_TIMEOUT' })
  })

  test('reads the token from a file, and again when it was written anew', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keyhold-token-'))
    const tokenFile = join(folder, 'token')
    const seen: (string | undefined)[] = []
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(200).end('[]')
    })
    let nowMs = 0
    await writeFile(tokenFile, 'one\n')
    const client = createNodeClient({ url, tokenFile, clock: () => nowMs })
    await client.call('listKeyProviders')
    await writeFile(tokenFile, 'two')
    await client.call('listKeyProviders')
    nowMs = 10_000
    await client.call('listKeyProviders')
    expect(seen).toEqual(['Bearer one', 'Bearer one', 'Bearer two'])
    await rm(folder, { recursive: true })
    nowMs = 20_000
    expect(await failure(client.call('listKeyProviders'))).toMatchObject({
      code: 'ERR_CLIENT_OPTION_INVALID',
    })
    for (const options of [{ url }, { url, token, tokenFile }])
      expect(() => createNodeClient(options)).toThrow(/options.tokenFile, and not both/)
  })

  test('does not show its token', () => {
    const client = createKeyholdClient({ url: 'http://localhost', token })
    expect(JSON.stringify(client)).not.toContain(token)
  })
})
