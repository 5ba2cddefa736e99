// Methods that a path does not have, and paths that do not exist.
import { routes, type Route } from '@keyhold/contract'
import { expect } from 'vitest'
import { rawRequest } from '../raw-request.ts'
import { providers } from '../scene.ts'
import { canary, type BadInput } from './scene.ts'
import { sendPacket } from './send-packet.ts'

const all = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY']

const methodsByPath = new Map<string, string[]>()
for (const { method, path } of Object.values<Route>(routes)) {
  methodsByPath.set(path, [...(methodsByPath.get(path) ?? []), method])
}
for (const path of ['/livez', '/readyz', '/openapi.json']) methodsByPath.set(path, ['GET'])

/** Every method on every path that does not have it. */
export const methodRows: BadInput[] = [...methodsByPath].flatMap(([path, methods]) =>
  all
    .filter((method) => !methods.includes(method))
    .map((method) => ({
      what: `${method} ${path}`,
      status: 405,
      code: 'ERR_METHOD_NOT_ALLOWED',
      // Nobody has to be known for that.
      send: ({ server }) =>
        rawRequest(server.url, method, `${path.replace(/:\w+/, canary)}?q=${canary}`, {
          headers: { 'x-http-method-override': methods[0] ?? '', 'x-method-override': methods[0] ?? '' },
        }),
      also: (answer) => {
        expect(answer.headers.allow).toBe([...methods].sort().join(', '))
      },
    })),
)

const noRoute = { status: 404, code: 'ERR_ROUTE_NOT_FOUND' } as const

export const pathRows: BadInput[] = [
  ['GET', `/${canary}`],
  ['HEAD', `/${canary}`],
  ['TRACE', '/'],
  ['OPTIONS', '/'],
  ['POST', `/api/v2/${canary}`],
  ['GET', `${providers}/`.toUpperCase()],
  ['GET', '/api/v1/encryption/keyProviders'],
  ['GET', `${providers}//`],
  ['GET', `${providers}/a/b`],
  ['POST', '/api/v1/encryption/encrypt/'],
  ['POST', '/api/v1/encryption/./encrypt'],
  ['GET', '/api/v1/tenants/a/b'],
  ['GET', '/livez.'],
  ['GET', '/.env'],
].map(([method = '', path = '']) => ({
  what: `${method} ${path}`,
  ...noRoute,
  send: ({ server, tenant }) => rawRequest(server.url, method, path, { token: tenant.adminToken }),
}))

pathRows.push(
  {
    what: 'a body of 32 MiB for no route is not read',
    ...noRoute,
    send: ({ server }) =>
      rawRequest(server.url, 'POST', `/${canary}`, {
        headers: { 'content-type': canary, 'content-length': '33554432' },
      }),
  },
  {
    what: 'a method that does not exist',
    status: 400,
    code: 'ERR_INVALID_REQUEST',
    send: ({ server }) => sendPacket(server.url, `C4NARY ${providers} HTTP/1.1`, ['host: x']),
  },
  {
    what: 'a path that cannot be decoded',
    status: 400,
    code: 'ERR_INVALID_REQUEST',
    send: ({ server, tenant }) =>
      rawRequest(server.url, 'GET', `${providers}/%zz${canary}`, { token: tenant.adminToken }),
  },
)
