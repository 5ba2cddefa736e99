// An answer to a request whose body is not read arrives, also at a client that goes on writing.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { lingerAfterAnswer, type LingerLimits } from '../../../src/http/server/linger.ts'

let server: Server
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const mib = 1_048_576

/** A client that has its answer and has not sent its body. */
async function refused(
  limits: LingerLimits,
): Promise<{ socket: Socket; errors: Error[]; isClosed: Promise<unknown> }> {
  const isClosed = Promise.withResolvers<unknown>()
  server = createServer((request, response) => {
    lingerAfterAnswer(request, limits)
    request.socket.once('close', isClosed.resolve)
    response.writeHead(413, { connection: 'close', 'content-length': 8 }).end('too long')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  })
  const errors: Error[] = []
  socket.on('error', (error) => errors.push(error))
  socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${4 * mib}\r\n\r\n{`)
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await once(socket, 'end')
  expect(text).toMatch(/^HTTP\/1\.1 413 .*too long$/s)
  return { socket, errors, isClosed: isClosed.promise }
}

test('what a client goes on sending is read to its end', async () => {
  const { socket, errors } = await refused({ ms: 60_000, bytes: 64 * mib })
  for (let sent = 0; sent < 4; sent++) {
    await new Promise((resolve) => socket.write(Buffer.alloc(sent === 3 ? mib - 1 : mib), resolve))
  }
  socket.end()
  await once(socket, 'close')
  expect(errors).toEqual([])
})

test.each<[string, LingerLimits]>([
  ['for so long', { ms: 1, bytes: 64 * mib }],
  ['so much', { ms: 60_000, bytes: mib }],
])('a client that does not end is read %s and no more', async (_, limits) => {
  const { socket, isClosed } = await refused(limits)
  socket.write(Buffer.alloc(2 * mib))
  await isClosed
  socket.destroy()
})
