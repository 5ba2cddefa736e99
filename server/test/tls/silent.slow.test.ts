// Clients that connect to a server of TLS and say nothing, as port scanners and some load balancers do.
import dns, { type LookupAddress, type LookupOptions } from 'node:dns'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createTestAuthority } from '../../../testkit/src/network/test-authority.ts'
import { startTlsScene, type TlsScene } from '../../../testkit/src/server/tls-scene.ts'

const handshakeTimeoutMs = 10_000
const longestStopMs = 6_000

const otherAddress = '127.0.0.2'
type OnAddresses = (error: null, addresses: LookupAddress[]) => void

let scene: TlsScene
let ended: Promise<void> | undefined
const end = () => (ended ??= scene.end())
beforeAll(async () => {
  // As on most machines, the name has two addresses.
  const system = dns.lookup
  vi.spyOn(dns, 'lookup').mockImplementation(((name: string, options: LookupOptions, done: OnAddresses) => {
    if (name !== 'localhost' || !options.all) {
      ;(system as (...all: unknown[]) => void)(name, options, done)
      return
    }
    done(null, [
      { address: '127.0.0.1', family: 4 },
      { address: otherAddress, family: 4 },
    ])
  }) as never)
  scene = await startTlsScene(createTestAuthority('authority of clients').certificate, {
    KEYHOLD_HOST: 'localhost',
    KEYHOLD_DRAIN_SECONDS: '0',
  })
})
afterAll(end)
afterAll(() => vi.restoreAllMocks())

async function open(bytes = '', address?: string): Promise<Socket> {
  const { hostname, port } = new URL(scene.server.url)
  const socket = connect(Number(port), address ?? hostname)
  socket.on('error', () => undefined)
  socket.resume()
  await once(socket, 'connect')
  socket.write(bytes)
  return socket
}

const closing = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve))

// A second server would know neither the limits of connections nor new files of TLS, and a stop would not end it.
test('localhost is one address, and has one server', async () => {
  await expect(open('', otherAddress)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('a connection without a handshake ends in time, and keeps no stop from its end', async () => {
  const beginning = '\u0016\u0003\u0001\u0002\u0000\u0001\u0000'
  const early = await Promise.all([open(), open(beginning)])
  const startMs = performance.now()
  await Promise.all(early.map((socket) => closing(socket)))
  expect(performance.now() - startMs).toBeLessThan(handshakeTimeoutMs + 2_000)

  const late = await Promise.all([open(), open(beginning)])
  const closed = Promise.all(late.map((socket) => closing(socket)))
  const stopMs = performance.now()
  scene.server.drain()
  await Promise.all([end(), closed])
  expect(performance.now() - stopMs).toBeLessThan(longestStopMs)
}, 30_000)
