// Connections of clients: one more than allowed is told so and closed, and those that are open go on.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { limitConnections } from '../../../src/http/server/limit-connections.ts'

let server: Server | undefined
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  server?.closeAllConnections()
  await new Promise((resolve) => server?.close(resolve))
})

async function start(isProxy: boolean): Promise<{ port: number; refused: string[] }> {
  const refused: string[] = []
  server = createServer((_request, response) => response.end('served'))
  limitConnections(server, {
    maxConnections: 6,
    isProxy: () => isProxy,
    refusalPauseMs: 1,
    onRefused: (scope) => refused.push(scope),
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, refused }
}

/** Sends a request over a connection that stays open, and answers what comes back until there is a body. */
async function ask(
  port: number,
  socket = connect(port, '127.0.0.1'),
): Promise<{ socket: Socket; text: string }> {
  sockets.push(socket)
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
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
