// No address that only this machine or its network can reach is called, however it is written and wherever it comes from.
import type { LookupAddress } from 'node:dns'
import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import { connect, isIPv6, type AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { createGuardedFetch, type GuardedFetchOptions } from '../../src/guarded-fetch/guarded-fetch.ts'
import type { Connect } from '../../src/guarded-fetch/guarded-connection.ts'
import { parsePrivateHosts } from '../../src/guarded-fetch/private-hosts.ts'
import { isPublicAddress } from '../../src/guarded-fetch/public-addresses.ts'
import { createTestAuthority } from '../../../testkit/src/network/test-authority.ts'

const refusedAddresses = [
  ...['0.0.0.0', '10.0.0.1', '100.64.0.1', '100.100.100.200', '127.0.0.1', '127.255.255.254'],
  ...['169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.192', '192.0.2.1', '192.31.196.1'],
  ...['192.52.193.1', '192.88.99.1', '192.168.0.1', '192.175.48.1', '198.18.0.1', '198.19.255.255'],
  ...['198.51.100.1', '203.0.113.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
  '168.63.129.16',
  ...[
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:a9fe:a9fe',
    '::127.0.0.1',
    '::7f00:1',
  ],
  ...['::ffff:0:127.0.0.1', '64:ff9b::7f00:1', '64:ff9b::1.1.1.1', '64:ff9b:1::7f00:1', '100::1'],
  ...[
    '2001::1',
    '2001:0:7f00:1::',
    '2001:10::1',
    '2001:20::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '2002:a9fe:a9fe::',
  ],
  ...['2620:4f:8000::1', '3fff::1', '5f00::1', 'fc00::1', 'fd12:3456::1', 'fe80::1', 'fec0::1', 'ff02::1'],
  ...['4000::1', 'fe80::1%eth0', '::1%lo'],
]
const publicAddresses = [
  ...['1.1.1.1', '8.8.8.8', '52.94.5.1', '172.32.0.1', '100.128.0.1', '192.0.1.1', '223.255.255.255'],
  ...['2606:4700:4700::1111', '2001:4860:4860::8888', '2a00:1450:4001::1', '2400:cb00::1', '::ffff:1.1.1.1'],
]

/** As it stands in a URL. */
const literal = (address: string) => (isIPv6(address) ? `[${address}]` : address)

const neverConnects = vi.fn<Connect>(() => {
  throw new Error('it was called')
})
function guarded(options: GuardedFetchOptions) {
  return createGuardedFetch({ connect: neverConnects, ...options })
}
const answering = (...answers: readonly string[][]) => {
  let asked = 0
  return async (): Promise<LookupAddress[]> => {
    const addresses = answers[Math.min(asked++, answers.length - 1)] ?? []
    return Promise.resolve(addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 })))
  }
}

describe('addresses', () => {
  test.each(refusedAddresses)('%s is refused in a URL and as the answer to a name', async (address) => {
    expect(isPublicAddress(address, false)).toBe(false)
    const inUrl = guarded({})(`https://${literal(address)}/`)
    await expect(inUrl).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_ADDRESS_REFUSED$/) as string,
    })
    const named = createGuardedFetch({ lookUp: answering([address]) })('https://evil.example/')
    await expect(named).rejects.toMatchObject({ code: 'ERR_ADDRESS_REFUSED', details: { reason: 'address' } })
    expect(neverConnects).not.toHaveBeenCalled()
  })

  test.each(publicAddresses)('%s is on the internet', (address) => {
    expect(isPublicAddress(address, false)).toBe(true)
  })

  test.each([
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0177.0.0.1/',
    'https://127.1/',
    'https://0/',
    'https://127.0.0.1./',
    'https://[::ffff:127.0.0.1]/',
    'https://[0:0:0:0:0:ffff:7f00:1]/',
    'https://①②⑦.0.0.1/',
    'https://%31%32%37.0.0.1/',
  ])('%s is an address that is refused', async (url) => {
    await expect(guarded({})(url)).rejects.toMatchObject({ details: { reason: 'address' } })
  })

  test('an address of NAT64 counts as the one in it, where the network has it', () => {
    expect(isPublicAddress('64:ff9b::101:101', true)).toBe(true)
    expect(isPublicAddress('64:ff9b::7f00:1', true)).toBe(false)
    expect(isPublicAddress('64:ff9b::a9fe:a9fe', true)).toBe(false)
    expect(isPublicAddress('64:ff9b:1::101:101', true)).toBe(false)
  })

  test('only those are called that are allowed, of all that a name has', async () => {
    const asked: (string | undefined)[] = []
    const lookUp = answering(['10.0.0.1', '1.1.1.1', '::1', '169.254.169.254'])
    const call = createGuardedFetch({
      lookUp,
      connect: (options) => {
        const { lookup } = options as unknown as {
          lookup: (
            name: string,
            options: object,
            done: (error: unknown, all: LookupAddress[]) => void,
          ) => void
        }
        const socket = connect({ port: 1, host: '127.0.0.1' })
        lookup('x', { all: true }, (_error, all) => {
          asked.push(...all.map(({ address }) => address))
          socket.destroy(new Error('enough'))
        })
        return socket
      },
    })
    await expect(call('https://mixed.example/')).rejects.toMatchObject({ code: 'ERR_ADDRESS_UNREACHABLE' })
    expect(asked).toEqual(['1.1.1.1'])
  })
})

test.each([
  ['http://example.com/', 'scheme'],
  ['file:///etc/passwd', 'scheme'],
  ['gopher://example.com/', 'scheme'],
  ['https://user@example.com/', 'user-info'],
  ['https://:secret@example.com/', 'user-info'],
  ['https://example.com:22/', 'port'],
  ['https://example.com:8443/', 'port'],
  [`https://${'a.'.repeat(127)}example/`, 'host'],
  [`https://example.com/${'a'.repeat(2_048)}`, 'url'],
  ['//example.com/', 'url'],
  ['https://', 'url'],
])('%s is not called: %s', async (url, reason) => {
  const error: unknown = await guarded({})(url).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'ERR_ADDRESS_REFUSED', details: { reason } })
  expect(String(error)).not.toContain('secret')
})

describe('private hosts', () => {
  test.each([
    'idp',
    'idp=10.0.0.0',
    'idp=0.0.0.0/0',
    'idp=10.0.0.0/33',
    'idp=::/0',
    'idp:0=10.0.0.0/8',
    '',
    'a b=10.0.0.0/8',
  ])('"%s" is not a list of them', (text) => {
    expect(parsePrivateHosts(text)).toBeUndefined()
  })

  const privateHosts =
    parsePrivateHosts(
      'IdP.internal=10.2.0.0/16, kc.internal:8443=fd00::/8,10.9.0.1=10.9.0.1/32,v6.internal=::/1,v4.internal=::ffff:10.2.0.0/112',
    ) ?? []
  test.each([
    ['https://idp.internal/', '10.2.3.4', true],
    ['https://idp.internal./', '10.2.3.4', true],
    ['https://idp.internal/', '::ffff:10.2.3.4', true],
    ['https://idp.internal/', '10.3.0.1', false],
    ['https://idp.internal/', '169.254.169.254', false],
    ['https://idp.internal:8443/', '10.2.3.4', false],
    ['https://kc.internal:8443/', 'fd00::5', true],
    ['https://kc.internal:8443/', '1.1.1.1', false],
    ['https://kc.internal/', 'fd00::5', false],
    ['https://other.internal/', '10.2.3.4', false],
    // All of IPv4 lies in ::/1, in its mapped form.
    ['https://v6.internal/', '169.254.169.254', false],
    ['https://v6.internal/', '::ffff:10.2.3.4', false],
    ['https://v6.internal/', '::1', true],
    ['https://v4.internal/', '10.2.3.4', true],
    ['https://v4.internal/', '10.3.3.4', false],
    ['https://10.9.0.1/', '10.9.0.1', true],
    ['https://10.9.0.2/', '10.9.0.2', false],
  ])('%s at %s: %s', async (url, address, isCalled) => {
    const call = createGuardedFetch({ privateHosts, lookUp: answering([address]), connect: refusing })
    await expect(call(url)).rejects.toMatchObject({
      code: isCalled ? 'ERR_ADDRESS_UNREACHABLE' : 'ERR_ADDRESS_REFUSED',
    })
  })
})

// Asks for the addresses, and never connects.
const refusing: Connect = (options) => {
  const { lookup, host } = options as {
    host: string
    lookup: (name: string, options: object, done: (error: Error | null) => void) => void
  }
  const socket = connect({ port: 1, host: '127.0.0.1' })
  lookup(host, { all: true }, (error) => {
    socket.destroy(error ?? Object.assign(new Error('none'), { code: 'ECONNREFUSED' }))
  })
  return socket
}

describe('a server', () => {
  const authority = createTestAuthority()
  let server: Server
  let port = 0
  let answer: RequestListener = (_request, response) => response.end('ok')

  beforeAll(async () => {
    const { key, certificate } = authority.issue(['idp.internal', '127.0.0.1'])
    server = createServer({ key, cert: certificate }, (request, response) => {
      answer(request, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    ;({ port } = server.address() as AddressInfo)
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  afterEach(() => {
    answer = (_request, response) => response.end('ok')
  })

  const ca = authority.certificate
  const privateHosts = () =>
    parsePrivateHosts(`idp.internal:${port}=127.0.0.0/8,other.internal:${port}=127.0.0.0/8`) ?? []
  const call = (options: GuardedFetchOptions = {}) =>
    createGuardedFetch({ privateHosts: privateHosts(), lookUp: answering(['127.0.0.1']), ...options })
  const url = () => `https://idp.internal:${port}/keys?a=b`

  test('answers; it sees the path, the name and no wish for compression', async () => {
    answer = ({ url: path, headers }, response) =>
      response.end(JSON.stringify([path, headers.host, headers['accept-encoding']]))
    const reply = await call()(url(), { ca })
    expect(reply.status).toBe(200)
    expect(JSON.parse(reply.body.toString())).toEqual(['/keys?a=b', `idp.internal:${port}`, 'identity'])
  })

  test('is not reached when its name has another address on the second look-up', async () => {
    const rebound = call({ lookUp: answering(['127.0.0.1'], ['10.0.0.1']) })
    expect((await rebound(url(), { ca })).status).toBe(200)
    await expect(rebound(url(), { ca })).rejects.toMatchObject({ details: { reason: 'address' } })
  })

  test('gets no byte when the socket leads elsewhere than the look-up said', async () => {
    let bytes = 0
    const onConnection = (socket: { on(event: 'data', listener: (chunk: Buffer) => void): void }) => {
      socket.on('data', (chunk) => (bytes += chunk.length))
    }
    server.on('connection', onConnection)
    const call = createGuardedFetch({
      lookUp: answering(['1.1.1.1']),
      connect: () => connect(port, '127.0.0.1'),
    })
    await expect(call('https://idp.internal/', { ca })).rejects.toMatchObject({
      details: { reason: 'address' },
    })
    await new Promise((resolve) => setTimeout(resolve, 50))
    server.off('connection', onConnection)
    expect(bytes).toBe(0)
  })

  test.each([301, 302, 303, 307, 308, 300, 304])('is not followed to where a %i leads', async (status) => {
    let asked = 0
    answer = (_request, response) => {
      asked++
      response.writeHead(status, { location: 'https://169.254.169.254/' }).end()
    }
    await expect(call()(url(), { ca })).rejects.toMatchObject({
      code: 'ERR_ADDRESS_REFUSED',
      details: { reason: 'redirect' },
    })
    expect(asked).toBe(1)
  })

  test.each([true, false])('is not read beyond the limit, its length told: %s', async (isTold) => {
    answer = (_request, response) => {
      if (isTold) response.setHeader('content-length', '2000')
      response.write('x'.repeat(1_000))
      response.end('x'.repeat(1_000))
    }
    await expect(call()(url(), { ca, maxReplyBytes: 1_999 })).rejects.toMatchObject({
      details: { reason: 'size' },
    })
    expect((await call()(url(), { ca, maxReplyBytes: 2_000 })).body).toHaveLength(2_000)
  })

  test('has a limit of time for all of it: silence, drops, a slow name', async () => {
    const isLate = { code: 'ERR_ADDRESS_UNREACHABLE', details: { reason: 'time' } }
    answer = () => undefined
    await expect(call()(url(), { ca, timeoutMs: 100 })).rejects.toMatchObject(isLate)
    answer = (_request, response) => {
      const drops = setInterval(() => response.write('x'), 10)
      response.on('close', () => {
        clearInterval(drops)
      })
    }
    await expect(call()(url(), { ca, timeoutMs: 100 })).rejects.toMatchObject(isLate)
    const never = call({ lookUp: () => new Promise(() => undefined) })
    await expect(never(url(), { ca, timeoutMs: 50 })).rejects.toMatchObject(isLate)
  })

  test.each([
    ['tls', 'its authority is not trusted', () => call()(url())],
    ['tls', 'its name is another', () => call()(url().replace('idp', 'other'), { ca })],
    ['name', 'its name has no address', () => call({ lookUp: missing })(url(), { ca })],
  ])('does not answer (%s) where %s', async (reason, _why, ask) => {
    await expect(ask()).rejects.toMatchObject({ code: 'ERR_ADDRESS_UNREACHABLE', details: { reason } })
  })

  test('is not believed when it compresses, breaks off, or speaks something else', async () => {
    const isNone = { code: 'ERR_ADDRESS_UNREACHABLE' }
    answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x')
    await expect(call()(url(), { ca })).rejects.toMatchObject(isNone)
    answer = (request, response) => {
      response.writeHead(200, { 'content-length': '10' }).write('x')
      setTimeout(() => request.socket.destroy(), 10)
    }
    await expect(call()(url(), { ca })).rejects.toMatchObject(isNone)
    answer = ({ socket }) => socket.end('HELLO\r\n\r\n')
    await expect(call()(url(), { ca })).rejects.toMatchObject(isNone)
  })

  test('is reached past the proxies that variables name', async () => {
    vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:1')
    vi.stubEnv('NODE_USE_ENV_PROXY', '1')
    try {
      expect((await call()(url(), { ca })).status).toBe(200)
    } finally {
      vi.unstubAllEnvs()
    }
  })
})

const missing = () => Promise.reject(Object.assign(new Error('none'), { code: 'ENOTFOUND' }))
