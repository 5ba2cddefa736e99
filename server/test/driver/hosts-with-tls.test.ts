// Two hosts behind TLS, as a driver sees them: one with a certificate for another name, and the right one, whose password the file of
// passwords has under its own name alone.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createSecureContext, TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import {
  openTestPostgres,
  type TestConnection,
  type TestPostgres,
} from '../../../testkit/src/database/test-database.ts'
import { createTestAuthority } from '../../../testkit/src/network/test-authority.ts'
import { PinnedClient, pinnedConfig } from '../../src/driver/pinned-client.ts'

const authority = createTestAuthority()
const servers: Server[] = []
const sockets = new Set<Socket>()
let postgres: TestPostgres
let connection: TestConnection
let folder: string
let certificates: number

/** Answers `SSLRequest` as PostgreSQL does, and passes on what comes through TLS. */
async function startHost(name: string): Promise<number> {
  const { key, certificate } = authority.issue([name])
  const secureContext = createSecureContext({ key, cert: certificate })
  const server = createServer((client) => {
    client.once('data', () => {
      client.write('S')
      certificates++
      const secure = new TLSSocket(client, { isServer: true, secureContext })
      const target = connect(path.join(connection.host, `.s.PGSQL.${connection.port}`))
      for (const socket of [client, secure, target]) {
        sockets.add(socket)
        socket.on('error', () => {
          client.destroy()
          target.destroy()
        })
      }
      secure.pipe(target).pipe(secure)
    })
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

beforeAll(async () => {
  postgres = await openTestPostgres()
  connection = await postgres.createDatabase()
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-hosts-'))
  await postgres.query(connection, `create role with_password login password 'of the second host'`)
  certificates = 0
})
afterEach(() => vi.unstubAllEnvs())
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  for (const server of servers) server.close()
  await postgres.query(connection, 'drop role with_password')
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
})

test('the search goes on behind a wrong certificate, and the password is that of the host that was found', async () => {
  const ca = path.join(folder, 'ca.pem')
  const passwords = path.join(folder, 'passwords')
  const [first, second] = [await startHost('elsewhere.example'), await startHost('localhost')]
  await writeFile(ca, authority.certificate)
  await writeFile(
    passwords,
    `127.0.0.1:${first}:*:with_password:of the first host\nlocalhost:${second}:*:with_password:of the second host\n`,
    { mode: 0o600 },
  )
  vi.stubEnv('PGPASSFILE', passwords)
  vi.stubEnv('PGPASSWORD', undefined)
  const url = `postgres://with_password@127.0.0.1:${first},localhost:${second}/${connection.database}?sslmode=verify-full&sslrootcert=${ca}`
  const client = new PinnedClient(pinnedConfig({ url }))
  await client.connect()
  const { rows } = await client.query<{ who: string }>('select current_user as who')
  await client.end()
  expect(rows).toEqual([{ who: 'with_password' }])
  // It was the first that was asked first.
  expect(certificates).toBe(3)
  const alone = new PinnedClient(pinnedConfig({ url: url.replace(`,localhost:${second}`, '') }))
  await expect(alone.connect()).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
})
