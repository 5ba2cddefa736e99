// Query parameters of the routes that have some: two times, out of range, of no page.
import { rawRequest } from '../raw-request.ts'
import { canary, type BadInput } from './scene.ts'

const malformed = { status: 400, code: 'ERR_INVALID_REQUEST' } as const

const limits = [
  '1&limit=2',
  '-1',
  '0',
  '00',
  '+1',
  '1.5',
  '1e9',
  '0x10',
  '1001',
  'NaN',
  'Infinity',
  '',
  '%00',
  canary,
]
const positions = [
  '',
  '0',
  '%00',
  '..%2F',
  '%27',
  'a&before=b&after=b',
  `${canary}%0a`,
  canary.repeat(100),
  '%F0%9F%94%91',
]

const pages: [path: string, position: string][] = [
  ['/api/v1/encryption/migrations', 'before'],
  ['/api/v1/encryption/data-keys', 'after'],
  ['/api/v1/encryption/lease-keys', 'before'],
  ['/api/v1/encryption/tenant-keys', 'before'],
]

export const queryRows: BadInput[] = pages
  .flatMap(([path, position]) => [
    ...limits.map((limit) => `${path}?limit=${limit}`),
    // A key name may be a digit.
    ...positions
      .filter((text) => text !== '0' || position === 'before')
      .map((text) => `${path}?${position}=${text}`),
    `${path}?limit[]=1&limit=x`,
  ])
  .map((target) => ({
    what: target.slice(0, 80),
    ...malformed,
    send: ({ server, tenant }) => rawRequest(server.url, 'GET', target, { token: tenant.adminToken }),
  }))
