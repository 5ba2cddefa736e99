// A server of leases and values for the tests of encrypt and decrypt: real keys, made in this process without a KMS.
import { randomBytes, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface LeaseServer {
  url: string
  /** The requests: the last word of the path, the tenant's header and the token. */
  requests: { route: string; tenant: string | undefined; token: string | undefined }[]
  /** The customer has taken the key away. */
  isLocked: boolean
  stop(): void
}

interface Item {
  plaintext?: string
  token?: string
  context?: Record<string, string>
  keyName?: string
}

const refused = { errors: [{ code: 'ERR_KMS_KEY_DISABLED', title: 'The key is disabled.' }], traceId: 't' }
const unknown = { errors: [{ code: 'ERR_DECRYPTION_FAILED', title: 'No such key.' }], traceId: 't' }

export async function serveLeases(): Promise<LeaseServer> {
  const keys = new Map<string, string>()
  const server = createServer((request, response) => {
    const route = (request.url ?? '').split('/').at(-1) ?? ''
    const tenant = request.headers['keyhold-tenant']
    fake.requests.push({
      route,
      tenant: tenant === undefined ? undefined : String(tenant),
      token: request.headers.authorization,
    })
    void text(request).then((body) => {
      const [status, reply] = answer(route, JSON.parse(body) as { header?: string; items?: Item[] })
      response.writeHead(status).end(JSON.stringify(reply))
    })
  })

  function answer(route: string, { header, items = [] }: { header?: string; items?: Item[] }) {
    if (fake.isLocked) return [424, refused] as const
    if (route === 'encrypt') return [200, { items: items.map((item) => ({ token: tokenOf(item) })) }] as const
    if (route === 'decrypt') return [200, { items: items.map(valueOf) }] as const
    const dataKeyId = header === undefined ? randomUUID() : uuidIn(Buffer.from(header, 'base64'))
    if (header === undefined) keys.set(dataKeyId, randomBytes(32).toString('base64'))
    const plaintext = keys.get(dataKeyId)
    if (plaintext === undefined) return [400, unknown] as const
    const lease = {
      tenantId: 'acme',
      dataKeyId,
      version: 1,
      header: headerOf(dataKeyId),
      plaintext,
      expiresAt: '2001-01-01T00:00:00Z',
      expiresInSeconds: 60,
    }
    return [200, lease] as const
  }

  const fake: LeaseServer = {
    url: '',
    requests: [],
    isLocked: false,
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return fake
}

// Nothing is encrypted: the tests are about what the command sends, and what it does with the answer.
function tokenOf(item: Item): string {
  return `kh1.${Buffer.from(JSON.stringify(item)).toString('base64url')}`
}

function valueOf({ token = '', context = {} }: Item): object {
  const item = JSON.parse(Buffer.from(token.slice(4), 'base64url').toString()) as Item
  return JSON.stringify(item.context ?? {}) === JSON.stringify(context)
    ? { plaintext: item.plaintext }
    : { error: { code: 'ERR_DECRYPTION_FAILED', title: 'The value cannot be decrypted.' } }
}

// "KH", format 1, suite, flags, the data key's id, its version.
function headerOf(dataKeyId: string): string {
  return Buffer.from(`4b4801000100${dataKeyId.replaceAll('-', '')}00000001`, 'hex').toString('base64')
}

function uuidIn(header: Buffer): string {
  return header.toString('hex', 6, 22).replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5')
}
