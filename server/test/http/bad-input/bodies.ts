// Bodies that are no JSON, another JSON than asked for, or something else under the name of JSON.
import { routes, type Role, type Route } from '@keyhold/contract'
import { gzipSync } from 'node:zlib'
import { rawRequest, type RawOptions } from '../raw-request.ts'
import { providers } from '../scene.ts'
import { canary, type BadInput, type Scene } from './scene.ts'

const encrypt = '/api/v1/encryption/encrypt'
const tenants = '/api/v1/tenants'
const malformed = { status: 400, code: 'ERR_INVALID_REQUEST' } as const
const unsupported = { status: 415, code: 'ERR_UNSUPPORTED_MEDIA_TYPE' } as const

/** One route of each kind: the original's, the data plane's, an operator's. */
const places = {
  createKeyProvider: { path: providers, token: ({ tenant }: Scene) => tenant.adminToken },
  encrypt: { path: encrypt, token: ({ tenant }: Scene) => tenant.serviceToken },
  createTenant: { path: tenants, token: ({ server }: Scene) => server.operatorToken },
}

function post(place: keyof typeof places, options: RawOptions) {
  const { path, token } = places[place]
  return (scene: Scene) => rawRequest(scene.server.url, 'POST', path, { token: token(scene), ...options })
}

const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const depths = [33, 10_000, 16_000_000]

const tooLarge = { status: 413, code: 'ERR_PAYLOAD_TOO_LARGE' } as const
// Only routes of the data plane take long bodies.
const isTooLarge = (place: string, body: string | Buffer) => place !== 'encrypt' && body.length > 1_048_576

const noJson: [what: string, body: string | Buffer][] = [
  ['nothing', ''],
  ['text', canary],
  ['cut JSON', `{"name":"${canary}`],
  ['trailing junk', `{"name":"${canary}"} x`],
  ['two values', `{"name":"${canary}"}{}`],
  ['a trailing comma', `{"name":"${canary}",}`],
  ['a comment', `{"name":"${canary}"/**/}`],
  ['single quotes', `{'name':'${canary}'}`],
  ['NaN', '{"name":NaN}'],
  ['a raw NUL', `{"name":"${canary}\0"}`],
  ['a raw line break in a text', `{"name":"${canary}\n"}`],
  ['a byte order mark', `\ufeff{"name":"${canary}"}`],
  ['bytes that are no UTF-8', Buffer.from(`{"name":"${canary}\u00ff"}`, 'latin1')],
  ['UTF-16', Buffer.from(`{"name":"${canary}"}`, 'utf16le')],
  ['half a surrogate pair', `{"name":"${canary}\\ud800"}`],
  ['half a surrogate pair in a name', `{"name":"x","${canary}\\udc00":1}`],
  ['a name two times', `{"name":"${canary}","name":"${canary}"}`],
  ['a name two times, once escaped', `{"name":"${canary}","n\\u0061me":"${canary}"}`],
  ['a name two times, deep inside', `{"name":"x","more":[{"a":{"b":1,"c":2,"b":3}}]}`],
  ['a name two times, in a context', `{"items":[{"plaintext":"","context":{"a":"x","a":"y"}}]}`],
  ['a name two times, behind escaped quotes', '{"\\"\\\\":"\\\\\\"","name":"x","name":"y"}'],
  ['a __proto__ member', `{"name":"${canary}","__proto__":{"isAdmin":true}}`],
  ['an escaped __proto__ member', `{"name":"${canary}","\\u005f_proto__":1}`],
  ['a constructor.prototype member', `{"name":"${canary}","constructor":{"prototype":{}}}`],
  ['a list', `["${canary}"]`],
  ['null', 'null'],
  ['a number', '1e308'],
  ['a text in JSON', `"${canary}"`],
  ...depths.map((depth): [string, string] => [`depth ${depth}`, `{"name":${deep(depth)}}`]),
  ['a list of a million numbers', `{"items":[${'1,'.repeat(999_999)}1]}`],
  ['11 million objects', `{"items":[${'{},'.repeat(11_000_000)}{}]}`],
  ['a list of a million open objects', `{"items":[${'{"a":'.repeat(1_000_000)}`],
]

export const bodyRows: BadInput[] = [
  ...noJson.flatMap(([what, body]) =>
    (Object.keys(places) as (keyof typeof places)[]).map((place) => ({
      what: `${place}: ${what}`,
      ...(isTooLarge(place, body) ? tooLarge : malformed),
      send: post(place, { body, headers: { 'content-type': 'application/json' } }),
    })),
  ),
  ...['1', '', canary].flatMap((text): BadInput[] => [
    {
      what: `form data "${text}"`,
      ...unsupported,
      send: post('createTenant', typed('multipart/form-data', text)),
    },
  ]),
  ...[
    'text/plain',
    'text/json',
    'application/xml',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'application/json, text/plain',
    'application/json; charset=utf-16',
    'application/json;charset="UTF-16LE"',
    'application/json; CHARSET=iso-8859-1',
    'application/octet-stream',
    'json',
    '',
    canary,
  ].map((type) => ({
    what: `content type "${type}"`,
    ...unsupported,
    send: post('createTenant', typed(type, `{"name":"${canary}"}`)),
  })),
  // A body that is taken for JSON is checked like JSON.
  ...[
    'application/json;',
    'application/JSON ; x',
    'application/json; charset=UTF-8',
    ' application/json',
  ].map((type) => ({
    what: `content type "${type}"`,
    ...malformed,
    send: post('createTenant', typed(type, '{"name":1}')),
  })),
  {
    what: 'a gzip bomb',
    ...unsupported,
    send: post('encrypt', {
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: gzipSync(Buffer.alloc(50_000_000, '1')),
    }),
  },
  ...['gzip', 'br', 'identity, gzip', canary].map((coding) => ({
    what: `bytes in the content encoding ${coding}`,
    ...unsupported,
    send: post('encrypt', {
      headers: { 'content-type': 'application/octet-stream', 'content-encoding': coding },
      body: Buffer.from(canary),
    }),
  })),
  {
    what: 'an announced length of 100 MB',
    status: 413,
    code: 'ERR_PAYLOAD_TOO_LARGE',
    send: post('encrypt', { headers: { 'content-type': 'application/json', 'content-length': '100000000' } }),
  },
  {
    what: 'one byte over 32 MiB',
    status: 413,
    code: 'ERR_PAYLOAD_TOO_LARGE',
    send: post('encrypt', { body: Buffer.alloc(33_554_433, ' ') }),
  },
]

function typed(type: string, body: string): RawOptions {
  return { headers: { 'content-type': type }, body }
}

// Native routes refuse what they do not know; the original's ignore it, as its clients post read-only members back.
const valid: Partial<Record<keyof typeof routes, Record<string, unknown>>> = {
  encrypt: { items: [{ plaintext: 'aGk=' }] },
  decrypt: { items: [{ token: 'kh1.' }] },
  reencrypt: { items: [{ token: 'kh1.' }] },
  createDataKeyLease: {},
  unwrapDataKey: { header: '' },
  getBlindIndexKey: { keyName: 'email' },
  setMinimumVersion: { minimumVersion: 1 },
  createTenant: { name: 'x' },
  createApiKey: { role: 'service', name: 'x' },
}

const wrongValues: unknown[] = [null, -1, 1.5, true, [], {}, { [canary]: canary }]

function tokenFor({ server, tenant }: Scene, role: Role | undefined): string {
  if (role === 'operator') return server.operatorToken
  return role === 'service' ? tenant.serviceToken : tenant.adminToken
}

/** Every member of every native body, with a value of every other type, and one member too many. */
export const typeRows: BadInput[] = Object.entries(valid).flatMap(([routeId, body]) => {
  const { method, path, roles }: Route = routes[routeId as keyof typeof routes]
  const send = (changed: object) => (scene: Scene) =>
    rawRequest(scene.server.url, method, path.replace(/:\w+/, 'default'), {
      token: tokenFor(scene, roles[0]),
      body: changed,
    })
  const changes = Object.keys(body).flatMap((name) =>
    wrongValues.map((value) => ({
      what: `${name}: ${JSON.stringify(value)}`,
      changed: { ...body, [name]: value },
    })),
  )
  return [...changes, { what: 'a member too many', changed: { ...body, [canary]: canary } }].map(
    ({ what, changed }) => ({ what: `${routeId}: ${what}`, ...malformed, send: send(changed) }),
  )
})
