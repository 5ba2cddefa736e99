// Connections of clients: one more than allowed is told so and closed, and those that are open go on.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { limitConnections } from '../../../src/http/connections/limit-connections.ts'

let server: Server | undefined
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  server?.closeAllConnections()
  await new Promise((resolve) => server?.close(resolve))
})

async function start(
  isProxy: boolean,
  refusalPauseMs = 1,
  isTls = false,
): Promise<{ port: number; refused: string[] }> {
  const refused: string[] = []
  server = createServer((_request, response) => response.end('served'))
  const options = {
    maxConnections: 6,
    isProxy: () => isProxy,
    refusalPauseMs,
    isTls,
    onRefused: (scope: string) => refused.push(scope),
  }
  limitConnections(server, options, (path) =>
    Promise.resolve({ status: path === '/livez' ? 200 : 503, body: { status: `${path} served` } }),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, refused }
}

/** Sends a request over a connection that stays open, and answers what comes back until there is a body. */
async function ask(
  port: number,
  socket = connect(port, '127.0.0.1'),
  path = '/',
): Promise<{ socket: Socket; text: string }> {
  sockets.push(socket)
  socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)
  let text = ''
  while (!/served|traceId/.test(text)) text += String((await once(socket, 'data'))[0])
  return { socket, text }
}

test('one address has half of them, and gets a coded refusal for one more', async () => {
  const { port, refused } = await start(false)
  const served = [await ask(port), await ask(port), await ask(port)]
  for (const { text } of served) expect(text).toContain('served')

  const { socket, text } = await ask(port)
  expect(text).toMatch(/^HTTP\/1\.1 503 .*retry-after: 1\r\n.*"code":"ERR_SERVER_BUSY"/s)
  if (!socket.closed) await once(socket, 'close')
  expect(refused).toEqual(['address'])
  expect((await ask(port, served[0]?.socket)).text).toContain('served')

  served[1]?.socket.destroy()
  let again = await ask(port)
  while (!again.text.includes('served')) again = await ask(port)
  expect(again.text).toContain('served')
})

test('a trusted proxy may have all, and no more', async () => {
  const { port, refused } = await start(true)
  for (let each = 0; each < 6; each++) expect((await ask(port)).text).toContain('served')
  expect((await ask(port)).text).toContain('ERR_SERVER_BUSY')
  expect(refused).toEqual(['replica'])
})

test('a probe is answered on a connection beyond the limit, which is closed then', async () => {
  // Nobody waits for a refusal here.
  const { port, refused } = await start(true, 60_000)
  for (let each = 0; each < 6; each++) await ask(port)
  for (const [path, status] of [['/livez', 200] as const, ['/readyz?a=b', 503] as const]) {
    const { socket, text } = await ask(port, connect(port, '127.0.0.1'), path)
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} .*${path.slice(0, 6)}.* served"}$`, 's'))
    if (!socket.closed) await once(socket, 'close')
  }
  expect(refused).toEqual([])
})

test('where all who may wait for a refusal do, an address without a connection still gets its probe answered', async () => {
  const { port, refused } = await start(false, 60_000)
  const from = (localAddress: string) => connect({ port, host: '127.0.0.1', localAddress })
  for (let each = 0; each < 6; each++) await ask(port, from(each < 3 ? '127.0.0.2' : '127.0.0.3'))
  const waiting = Array.from({ length: 6 }, () => from('127.0.0.2'))
  sockets.push(...waiting)
  await Promise.all(waiting.map((socket) => once(socket, 'connect')))
  // The seventh is closed at once.
  const seventh = from('127.0.0.2')
  seventh.on('error', () => undefined).resume()
  await once(seventh, 'close')
  expect(refused).toEqual(['address'])
  expect((await ask(port, from('127.0.0.4'), '/livez')).text).toContain('200')
  expect(refused).toEqual(['address'])
})

test.each(['/readyz/x', '/api/v1/readyz', '/'])('%s is no probe', async (path) => {
  const { port, refused } = await start(true)
  for (let each = 0; each < 6; each++) await ask(port)
  expect((await ask(port, connect(port, '127.0.0.1'), path)).text).toContain('ERR_SERVER_BUSY')
  expect(refused).toEqual(['replica'])
})

test('where clients expect TLS, one more gets no words but the end of its connection', async () => {
  const { port, refused } = await start(true, 1, true)
  for (let each = 0; each < 6; each++) await ask(port)
  for (const path of ['/', '/livez']) {
    const socket = connect(port, '127.0.0.1')
    let bytes = 0
    socket.on('data', (chunk) => (bytes += chunk.length))
    socket.on('error', () => undefined)
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)
    // It is reset, where bytes were not read.
    if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
    expect(bytes).toBe(0)
  }
  expect(refused).toEqual(['replica', 'replica'])
})
