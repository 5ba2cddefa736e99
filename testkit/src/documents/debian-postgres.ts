// A PostgreSQL as Debian installs it, with TLS, for pages that are about one's own PostgreSQL.
import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
const startAttempts = 100

export interface DebianPostgres {
  port: number
  password: string
  /** The file of the certificate authority. */
  authority: string
  stop(): Promise<void>
}

/** The programs of the newest one; undefined: there is none. */
export function debianPostgresPrograms(): string | undefined {
  return globSync('/usr/lib/postgresql/*/bin').toSorted().at(-1)
}

/** @param folder - where nothing is yet, and whose parents others may enter */
export async function startDebianPostgres(programs: string, folder: string): Promise<DebianPostgres> {
  const password = 'postgres'
  const data = path.join(folder, 'data')
  await mkdir(folder, { mode: 0o755 })
  const authority = await makeCertificates(folder)
  await writeFile(path.join(folder, 'password'), password)
  // PostgreSQL refuses to run as root.
  const user = process.getuid?.() === 0 ? idsOf('postgres') : undefined
  if (user !== undefined) {
    for (const file of ['', 'password', 'server.key', 'server.crt'])
      await chown(path.join(folder, file), user.uid, user.gid)
  }
  const options = { ...user, cwd: folder }
  await run(
    path.join(programs, 'initdb'),
    ['-D', data, '-U', 'postgres', '--auth=scram-sha-256', '--pwfile', path.join(folder, 'password')],
    options,
  )
  await writeFile(path.join(data, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 scram-sha-256\n')
  const port = await freePort()
  const settings = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    ssl: 'on',
    ssl_cert_file: path.join(folder, 'server.crt'),
    ssl_key_file: path.join(folder, 'server.key'),
  }
  const server = spawn(
    path.join(programs, 'postgres'),
    ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { ...options, stdio: 'ignore' },
  )
  const ended = once(server, 'exit')
  for (let attempt = 0; ; attempt++) {
    const isReady = await run(path.join(programs, 'pg_isready'), [
      '-q',
      '-h',
      '127.0.0.1',
      '-p',
      String(port),
    ]).then(
      () => true,
      () => false,
    )
    if (isReady) break
    if (attempt === startAttempts || server.exitCode !== null) throw new Error('PostgreSQL does not start')
    await sleep(100)
  }
  return {
    port,
    password,
    authority,
    async stop() {
      server.kill('SIGINT')
      await ended
    },
  }
}

/** A certificate for `localhost`. Answers the file of its authority. */
async function makeCertificates(folder: string): Promise<string> {
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder })
  await openssl(
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=test authority'],
    ...['-keyout', 'authority.key', '-out', 'authority.crt'],
  )
  await openssl(
    ...[
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost',
    ],
    ...['-keyout', 'server.key', '-out', 'server.csr'],
  )
  await openssl(
    ...['x509', '-req', '-in', 'server.csr', '-CA', 'authority.crt', '-CAkey', 'authority.key', '-days', '2'],
    ...['-CAcreateserial', '-copy_extensions', 'copy', '-out', 'server.crt'],
  )
  await chmod(path.join(folder, 'server.key'), 0o600)
  return path.join(folder, 'authority.crt')
}

function idsOf(name: string): { uid: number; gid: number } {
  const [uid, gid] = ['-u', '-g'].map((flag) =>
    Number(execFileSync('id', [flag, name], { encoding: 'utf8' })),
  )
  return { uid: uid ?? 0, gid: gid ?? 0 }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
