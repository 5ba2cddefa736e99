// The API describes itself: every route of the contract, with its parameters, bodies and answers.
import { errorsOf, routeIds, routes, statusOf, type Route } from '@keyhold/contract'
import { routeSchemas, type RouteSchemas } from '@keyhold/contract/schemas'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../../../../testkit/src/server/start-test-server.ts'
import { at } from '../read-body.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test('/openapi.json is open to all and describes every route', async () => {
  const { status, body } = await server.request('GET', '/openapi.json')
  expect(status).toBe(200)
  expect(body).toMatchObject({ openapi: '3.1.0', info: { title: 'Keyhold' } })
  for (const id of routeIds) {
    const route: Route = routes[id]
    const schemas: RouteSchemas = routeSchemas[id]
    const path = route.path.replaceAll(/:([A-Za-z]+)/g, '{$1}')
    const operation = at(body, 'paths', path, route.method.toLowerCase())
    expect(operation, id).toMatchObject({ operationId: id, summary: route.summary })
    const refusals = errorsOf(id).map((code) => String(statusOf(code, id)))
    expect(Object.keys(at(operation, 'responses') as object).sort()).toEqual(
      [...new Set([...Object.keys(route.replies), ...refusals])].sort(),
    )
    expect(at(operation, 'requestBody') !== undefined, id).toBe(schemas.body !== undefined)
    const named = (at(operation, 'parameters') as { name: string; in: string }[]).filter(
      (each) => each.in === 'path',
    )
    expect(named.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{[A-Za-z]+\}/g) ?? [])
  }
})

test('each body and each reply has a name, and all references lead somewhere', async () => {
  const { body: document } = await server.request('GET', '/openapi.json')
  const schemas = at(document, 'components', 'schemas') as Record<string, unknown>
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, to]) => to ?? '')
  expect(references.length).toBeGreaterThan(100)
  for (const to of references) expect(Object.keys(schemas)).toContain(to.replace('#/components/schemas/', ''))
  for (const id of routeIds) {
    const route: Route = routes[id]
    const path = route.path.replaceAll(/:([A-Za-z]+)/g, '{$1}')
    const operation = at(document, 'paths', path, route.method.toLowerCase())
    expect((at(operation, 'tags') as string[]).join(), id).toMatch(/./)
    for (const [status, kind] of Object.entries(route.replies)) {
      if (kind === 'nothing') continue
      const type = kind === 'events' ? 'text/event-stream' : 'application/json'
      expect(at(operation, 'responses', status, 'content', type, 'schema'), id).toHaveProperty('$ref')
    }
  }
})

test('the items of the data plane have schemas', async () => {
  const { body: document } = await server.request('GET', '/openapi.json')
  for (const [id, item] of [
    ['encrypt', 'EncryptItem'],
    ['decrypt', 'DecryptItem'],
    ['reencrypt', 'DecryptItem'],
  ] as const) {
    const content = at(document, 'paths', routes[id].path, 'post', 'requestBody', 'content')
    const { $ref } = at(content, 'application/json', 'schema') as { $ref: string }
    const schema = at(document, ...$ref.slice(2).split('/'))
    expect(at(schema, 'properties', 'items')).toEqual({
      type: 'array',
      minItems: 1,
      maxItems: 1_000,
      items: { $ref: `#/components/schemas/${item}` },
    })
  }
})

test('bytes have operations of their own, on paths that clients send without their fragment', async () => {
  const { body: document } = await server.request('GET', '/openapi.json')
  const bytes = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }
  const withFragment = Object.keys(at(document, 'paths') as object).filter((path) => path.includes('#'))
  expect(withFragment).toEqual(['encrypt', 'decrypt'].map((id) => `/api/v1/encryption/${id}#octet-stream`))
  for (const id of ['encrypt', 'decrypt'] as const) {
    const json = at(document, 'paths', routes[id].path, 'post')
    const octets = at(document, 'paths', `${routes[id].path}#octet-stream`, 'post')
    expect(octets).toMatchObject({ operationId: `${id}Bytes`, tags: at(json, 'tags') })
    for (const [place, operation] of [
      [bytes, octets],
      [{ 'application/json': expect.anything() as unknown }, json],
    ] as const) {
      expect(at(operation, 'requestBody', 'content')).toEqual(place)
      expect(at(operation, 'responses', '200', 'content')).toEqual(place)
    }
    const refusals = (operation: unknown) => Object.keys(at(operation, 'responses') as object)
    expect(refusals(octets)).toEqual(refusals(json))
    const headers = (operation: unknown) =>
      (at(operation, 'parameters') as { name: string }[]).map(({ name }) => name)
    expect(headers(json)).toEqual(['Keyhold-Tenant'])
    expect(headers(octets)).toEqual([
      'Keyhold-Tenant',
      ...(id === 'encrypt' ? ['Keyhold-Key-Name'] : []),
      'Keyhold-Context',
    ])
  }
})
