// A connection that PostgreSQL ends just when it begins. Nothing of it may reach the process as an event that nobody hears.
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { PinnedClient, pinnedConfig } from '../../src/driver/pinned-client.ts'

function message(kind: string, ...parts: (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
  const head = Buffer.alloc(5, kind)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

const number16 = (value: number) => Buffer.from([value >> 8, value & 255])
const number32 = (value: number) => Buffer.concat([number16(value >>> 16), number16(value & 65_535)])

const isReady = message('Z', 'I')
const started = Buffer.concat([message('R', number32(0)), isReady])
/** The answer to one `show`. */
const shownAs = (name: string, value: string) =>
  Buffer.concat([
    message(
      'T',
      number16(1),
      `${name}\0`,
      number32(0),
      number16(0),
      number32(25),
      number16(65_535),
      number32(0),
      number16(0),
    ),
    message('D', number16(1), number32(value.length), value),
    message('C', 'SHOW\0'),
  ])
const shown = Buffer.concat([
  shownAs('search_path', 'pg_catalog,pg_temp'),
  shownAs('transaction_read_only', 'off'),
  isReady,
])
const ended = message(
  'E',
  'SFATAL\0',
  'VFATAL\0',
  'C57P01\0',
  'Mterminating connection due to unexpected postmaster exit\0',
  '\0',
)

/** Answers the start of a connection, and then the first query with these bytes and the end. */
async function servePostgres(answer: Buffer): Promise<number> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.once('data', () => {
      socket.write(started)
      socket.once('data', () => socket.end(answer))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

test.each([
  ['after the answer to its first question', Buffer.concat([shown, ended])],
  ['instead of that answer', ended],
])('a connection that is ended %s fails, and its pool goes on', async (_, answer) => {
  const port = await servePostgres(answer)
  const where = { host: '127.0.0.1', port, user: 'keyhold', password: 'secret', database: 'keyhold' }
  const pool = new pg.Pool({ ...pinnedConfig(where), max: 1 })
  onTestFinished(() => pool.end())
  const heard: Error[] = []
  pool.on('error', (error) => heard.push(error))
  for (let attempt = 0; attempt < 3; attempt++)
    await expect(pool.connect()).rejects.toThrow(/terminating connection|Connection terminated/)
  expect([pool.totalCount, heard]).toEqual([0, []])
})

test('a client without a pool fails in the same way', async () => {
  const port = await servePostgres(Buffer.concat([shown, ended]))
  const where = { host: '127.0.0.1', port, user: 'keyhold', password: 'secret', database: 'keyhold' }
  const client = new PinnedClient(pinnedConfig(where))
  const closed = new Promise<void>((resolve) => client.once('end', resolve))
  await expect(client.connect()).rejects.toThrow('terminating connection')
  await closed
})
