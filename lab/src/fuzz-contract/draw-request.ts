// Draws requests: mostly ones of which one thing is wrong, or nothing, so that they get past the first check.
import { routeIds, routes, takesOctets, type Route, type RouteId } from '@keyhold/contract'
import { routeSchemas, type RouteSchemas } from '@keyhold/contract/schemas'
import fc from 'fast-check'
import type { Asked, Body } from './asked.ts'
import { valuesOf, type Schema } from './body-of-schema.ts'
import { canary } from './canaries.ts'
import { mutate, mutations } from './mutate.ts'
import { callerNames } from './scene.ts'

const secrets = fc.nat(9_999).map(canary)
const place = (name: string) => fc.constantFrom(`$${name}:0`, `$${name}:1`)

const oddSegments = fc.oneof(
  fc.constantFrom(
    '',
    '%2f',
    '..',
    '%00',
    'a'.repeat(65),
    'a'.repeat(2_000),
    'é',
    '%',
    '$nothing',
    '__proto__',
  ),
  fc.string({ maxLength: 12, unit: 'binary' }).filter(isEncodable),
  secrets,
)

const segments: Readonly<Record<string, fc.Arbitrary<string>>> = {
  arnFingerPrint: fc.oneof(
    place('fingerprint'),
    place('foreignFingerprint'),
    place('tenant'),
    place('apiKey'),
  ),
  keyName: fc.constantFrom('pay', 'pay-1', 'other', 'nothing'),
  migrationId: fc.oneof(place('migration'), place('troubledMigration'), fc.uuid()),
  destructionId: fc.oneof(place('destruction'), fc.uuid()),
  apiKeyId: fc.oneof(place('apiKey'), fc.constant('0123456789abcdef')),
  tenantId: fc.oneof(place('tenant'), place('foreignTenant'), place('deletedTenant'), place('emptyTenant')),
}

const mostly = <Value>(usual: fc.Arbitrary<Value>, odd: fc.Arbitrary<Value>, weight = 6) =>
  fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: odd })

const contentTypes = fc.constantFrom(
  'application/json; charset=utf-8',
  'APPLICATION/JSON',
  'application/json; charset=utf-16',
  'text/plain',
  'application/octet-stream',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/xml',
  'nonsense',
  '',
)
const methods = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE')

const oddHeaders = fc.record(
  {
    accept: fc.constantFrom('application/xml', '*/*', 'text/event-stream'),
    'content-encoding': fc.constantFrom('gzip', 'identity', 'br'),
    'keyhold-context': fc.oneof(secrets.map(contextHeader), secrets),
    'keyhold-key-name': fc.constantFrom('pay', 'other', '../x', ''),
    'x-forwarded-for': fc.constantFrom('192.0.2.1', 'nonsense', ''),
    'x-http-method-override': methods,
    expect: fc.constantFrom('100-continue', 'nonsense'),
    'if-match': secrets,
    cookie: secrets,
    referer: secrets.map((each) => `https://console.example/?key=${each}`),
    origin: fc.constantFrom('null', 'https://elsewhere.example'),
    'sec-fetch-site': fc.constantFrom('cross-site', 'none'),
    'x-api-key': secrets,
    'proxy-authorization': secrets.map((each) => `Basic ${each}`),
    range: fc.constantFrom('bytes=0-1'),
  },
  { requiredKeys: [] },
)

const callers = fc.constantFrom(...callerNames)
// These have something to do where cipherkeys do not open.
const ofTrouble: readonly RouteId[] = [
  ...(['retryMigration', 'acceptMigrationFailures', 'destroyMigrationFailures', 'cancelMigration'] as const),
]

/** Any request: of any route, or of none. */
export const requests: fc.Arbitrary<Asked> = fc.oneof(
  { weight: 30, arbitrary: fc.oneof(...routeIds.map(requestsOf)) },
  {
    weight: 1,
    arbitrary: fc.record<Asked>({
      routeId: fc.constant(undefined),
      method: methods,
      params: fc.record({
        path: fc.oneof(
          fc.constantFrom(
            ...['/', '/api', '/api/v1', '/api/v1/tenant', '/api/v1/tenants', '/api/v1/tenants/'],
            ...['//api/v1/tenants', '/api/v1//tenants', '/api/v1/tenants/.', '/API/v1/tenants'],
            ...['/livez', '/readyz', '/openapi.json', '/.well-known/openid-configuration'],
          ),
          oddSegments.map((each) => `/${each}`),
        ),
      }),
      query: fc.constant([]),
      caller: callers,
      tenant: fc.constant(undefined),
      headers: fc.constant({}),
      contentType: fc.constant(undefined),
      body: fc.constant({ kind: 'none' }),
    }),
  },
)

function requestsOf(routeId: RouteId): fc.Arbitrary<Asked> {
  const route: Route = routes[routeId]
  const { query }: RouteSchemas = routeSchemas[routeId]
  const names = [...route.path.matchAll(/:([A-Za-z]+)/g)].map(([, name = '']) => name)
  const isOfTrouble = ofTrouble.includes(routeId)
  const usualSegments = isOfTrouble ? { ...segments, migrationId: place('troubledMigration') } : segments
  const params = names.map(
    (name) => [name, mostly(usualSegments[name] ?? oddSegments, oddSegments, 8)] as const,
  )
  // Each kind of caller has its turn, and those who may call have it more often.
  const allowed = callerNames.filter((name) => route.roles.some((role) => name.split(' ').includes(role)))
  return fc.record<Asked>({
    routeId: fc.constant(routeId),
    method: mostly(fc.constant<string>(route.method), methods, 12),
    params: fc.record(Object.fromEntries(params)),
    query: queriesOf(query),
    caller: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...(isOfTrouble ? ['troubled tenant-admin'] : route.roles)) },
      { weight: 5, arbitrary: fc.constantFrom(...allowed) },
      { weight: 3, arbitrary: callers },
    ),
    tenant: fc.oneof(
      { weight: 6, arbitrary: fc.constant(undefined) },
      { weight: 3, arbitrary: fc.constant('$tenant:0') },
      {
        weight: 1,
        arbitrary: fc.constantFrom('$foreignTenant:0', '$deletedTenant:0', 'not an id', ''),
      },
    ),
    headers: mostly(fc.constant({}), oddHeaders, 6),
    contentType: mostly(
      takesOctets(routeId)
        ? fc.constantFrom<string | undefined>('application/json', 'application/octet-stream')
        : fc.constant<string | undefined>('application/json'),
      fc.option(contentTypes, { nil: undefined }),
      8,
    ),
    body: bodiesOf(routeId),
  })
}

function queriesOf(query: Schema | undefined): fc.Arbitrary<Asked['query']> {
  const usual = valuesOf({ ...query, type: 'object' }).map((value) =>
    Object.entries(value as object).map(([name, each]) => [name, String(each)] as const),
  )
  const odd = fc.array(
    fc.tuple(
      fc.oneof(
        fc.constantFrom('limit', 'after', 'before', '__proto__', 'tenantId', 'from', 'lastOperator'),
        secrets,
      ),
      fc.oneof(fc.constantFrom('', '0', '-1', '1001', '9'.repeat(20), 'é', '\u0000', '$tenant:0'), secrets),
    ),
    { minLength: 1, maxLength: 3 },
  )
  return mostly<Asked['query']>(usual, odd, 4)
}

function bodiesOf(routeId: RouteId): fc.Arbitrary<Body> {
  const { body, bodyWithItems }: RouteSchemas = routeSchemas[routeId]
  const schema: Schema | undefined = bodyWithItems ?? body
  const values = schema === undefined ? fc.constant<unknown>({}) : valuesOf(schema)
  const json = (value: unknown): Body => ({ kind: 'json', value })
  return fc.oneof(
    { weight: schema === undefined ? 12 : 1, arbitrary: fc.constant<Body>({ kind: 'none' }) },
    { weight: 10, arbitrary: values.map(json) },
    {
      weight: 5,
      arbitrary: fc.tuple(values, mutations).map(([value, mutation]) => json(mutate(value, mutation))),
    },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }).map(json) },
    {
      weight: 1,
      arbitrary: fc
        .oneof(
          fc.constantFrom(
            '',
            '{',
            '{"a":1,"a":2}',
            '[[[[',
            'null',
            '{"__proto__":{}}',
            '\ufeff{}',
            '{"a":1e999}',
            '"\\ud800"',
          ),
          secrets.map((each) => `{"${each}`),
        )
        .map<Body>((text) => ({ kind: 'text', text })),
    },
    {
      weight: takesOctets(routeId) ? 6 : 1,
      arbitrary: fc
        .oneof(
          fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
          secrets.map((each) => Buffer.from(each)),
        )
        .map<Body>((bytes) => ({ kind: 'bytes', base64: bytes.toString('base64') })),
    },
  )
}

function contextHeader(text: string): string {
  return Buffer.from(JSON.stringify({ table: text })).toString('base64url')
}

function isEncodable(text: string): boolean {
  return text.isWellFormed()
}
