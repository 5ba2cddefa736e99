// Headers that are too many, too large, broken, or there two times.
import { expect } from 'vitest'
import { rawRequest, type RawOptions } from '../raw-request.ts'
import { providers } from '../scene.ts'
import { canary, type BadInput, type Scene } from './scene.ts'
import { sendPacket } from './send-packet.ts'

const get = `GET ${providers} HTTP/1.1`
const malformed = { status: 400, code: 'ERR_INVALID_REQUEST' } as const
const tooLarge = { status: 431, code: 'ERR_HEADERS_TOO_LARGE' } as const
const unknownCaller = { status: 401, code: 'ERR_UNAUTHENTICATED' } as const

function packet(what: string, expected: { status: number; code: string }, lines: string[]): BadInput {
  return {
    what,
    ...expected,
    send: ({ server, tenant }) =>
      sendPacket(
        server.url,
        get,
        lines.map((line) => line.replace('<token>', tenant.adminToken)),
      ),
  }
}

const host = 'host: 127.0.0.1'
const bearer = 'authorization: Bearer <token>'

export const headerRows: BadInput[] = [
  packet('no Host', malformed, [bearer]),
  packet('two hosts', malformed, [host, 'host: other.example', bearer]),
  packet('a space before the colon', malformed, [host, `x-${canary} : 1`, bearer]),
  packet('a folded line', malformed, [host, `x: 1\r\n ${canary}`, bearer]),
  packet('a bare line feed', malformed, [host, `x: 1\n${canary}: 2`, bearer]),
  packet('a bare carriage return', malformed, [host, `x: 1\r${canary}: 2`, bearer]),
  packet('a NUL', malformed, [host, `x: ${canary}\0`, bearer]),
  packet('a line without a colon', malformed, [host, canary, bearer]),
  packet('a cookie of 64 kB', tooLarge, [host, `cookie: ${canary.repeat(5_000)}`, bearer]),
  packet('200 headers of 100 bytes', tooLarge, [
    host,
    ...Array.from({ length: 200 }, (_, index) => `x-${index}: ${'v'.repeat(100)}`),
    bearer,
  ]),
  packet('a path of 20 kB', tooLarge, [host, `referer: ${canary}`, `x: ${'p'.repeat(20_000)}`]),
  packet('two access tokens', unknownCaller, [host, bearer, bearer]),
  packet('two access tokens, the second one good', unknownCaller, [host, 'Authorization: Bearer x', bearer]),
  packet('an access token of 8 kB', unknownCaller, [host, `authorization: Bearer ${'a'.repeat(8_000)}`]),
  {
    what: 'another transfer coding',
    ...malformed,
    send: ({ server, tenant }) =>
      sendPacket(
        server.url,
        get,
        [host, `authorization: Bearer ${tenant.adminToken}`, 'transfer-encoding: gzip, chunked'],
        '0\r\n\r\n',
      ),
  },
  packet('a transfer coding that never ends', malformed, [host, bearer, 'transfer-encoding: chunked, gzip']),
  packet('two tenants', malformed, [host, bearer, `keyhold-tenant: a`, `keyhold-tenant: b`]),
  packet('a tenant in other letters than ASCII', malformed, [host, bearer, 'keyhold-tenant: t\u00e9']),
  ...['1', 'x', '-1', '1e3', '0x10', '99999999999999999999', '1, 1'].map((length) =>
    packet(`length and chunks: ${length}`, malformed, [
      host,
      bearer,
      `content-length: ${length}`,
      'transfer-encoding: chunked',
    ]),
  ),
  ...['x', '-1', '1e3', '0x10', '99999999999999999999', '1, 2', '+1'].map((length) =>
    packet(`a content length of ${length}`, malformed, [host, bearer, `content-length: ${length}`]),
  ),
  packet('two content lengths', malformed, [host, bearer, 'content-length: 1', 'content-length: 2']),
  ...(['HTTP/9.9', 'HTTP/2.0', 'HTTP/1.1 x', ''] as const).map((version): BadInput => ({
    what: `the protocol "${version}"`,
    ...malformed,
    send: ({ server }) => sendPacket(server.url, `${get.replace(' HTTP/1.1', '')} ${version}`, [host]),
  })),
  {
    what: 'the preface of HTTP/2',
    ...malformed,
    send: ({ server }) => sendPacket(server.url, 'PRI * HTTP/2.0', ['', 'SM', '']),
  },
]

/** Odd headers that are served all the same, as if they were not there. */
export const ignoredHeaders: [what: string, options: RawOptions][] = [
  [
    'forwarded headers',
    { headers: { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': canary, forwarded: canary } },
  ],
  ['an odd host', { headers: { host: `${canary}:1` } }],
  ['Accept: text/xml', { headers: { accept: 'text/xml' } }],
  [
    '100 small headers',
    { headers: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`x-${i}`, canary])) },
  ],
  ['another expectation', { headers: { expect: canary } }],
  ['an upgrade', { headers: { connection: 'upgrade', upgrade: 'websocket' } }],
  [
    'preconditions',
    { headers: { 'if-match': '"x"', 'if-none-match': '*', 'idempotency-key': canary.repeat(99) } },
  ],
  ['a method override', { headers: { 'x-http-method-override': 'DELETE' } }],
  ['a range', { headers: { range: 'bytes=0-0' } }],
]

export async function expectIgnored(
  { server, tenant }: Scene,
  query: string,
  options: RawOptions,
): Promise<void> {
  const { adminToken: token } = tenant
  const answer = await rawRequest(server.url, 'GET', `${providers}/actions/list${query}`, {
    token,
    ...options,
  })
  const usual = await rawRequest(server.url, 'GET', `${providers}/actions/list`, { token })
  expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([
    200,
    'application/json; charset=utf-8',
    usual.text,
  ])
}

/** The original's routes have no query parameters; its clients send some all the same. */
export const ignoredQueries = [
  '?limit=50',
  '?limit=1&limit=2',
  '?limit=-1',
  '?limit=1e9',
  '?limit=NaN',
  '?__proto__=x&constructor.prototype.a=1',
  '?%zz=%',
  `?${canary}`,
  `?a=${'a'.repeat(4_000)}`,
  '?a[]=1&a[b]=2',
]
