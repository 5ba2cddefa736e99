// Two replicas on one machine, started with the commands, variables and credentials of the template unit: what systemd would do,
// except for its hardening. There is no systemd in this test, so paths of the installation are replaced. The proxy of the Compose
// file is in front of them, with other addresses.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  databaseUrl,
  openTestPostgres,
  type TestPostgres,
} from '../../../testkit/src/database/test-database.ts'
import { createTestCertificate } from '../../../testkit/src/network/test-authority.ts'
import { serverCommand } from '../../../testkit/src/process/serve-in-process.ts'
import { createTenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import { findProgram, root } from './tools.ts'

const unit = readFileSync(path.join(root, 'deploy/systemd/keyhold@.service'), 'utf8')
// Other ports than those of docs/production.md, whose test may run at the same time.
const instances = ['8580', '8581']
const nginx = findProgram('nginx', "Debian's package nginx")
const proxyPort = 18_443

let folder: string
let postgres: TestPostgres
const running: ChildProcess[] = []
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'keyhold-units-'))
  postgres = await openTestPostgres()
  const connection = await postgres.createDatabase()
  mkdirSync(path.join(folder, 'credentials'))
  writeFileSync(path.join(folder, 'credentials/KEYHOLD_DATABASE_URL'), `${databaseUrl(connection)}\n`, {
    mode: 0o400,
  })
  const variables = { KEYHOLD_ROOT_KEY_FILE: path.join(folder, 'credentials/KEYHOLD_ROOT_KEY') }
  expect(
    await output(start([process.execPath, serverCommand, 'root-key', 'create'], variables)),
  ).toMatchObject({
    code: 0,
  })
})
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL')
  await postgres.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** The values of a key of the unit, for an instance. */
function valuesOf(key: string, instance: string): string[] {
  return [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) =>
    value
      .replaceAll('%i', instance)
      .replaceAll('/opt/keyhold/node_modules/@keyhold/server/dist/start-command.js', serverCommand)
      .replaceAll('/opt/keyhold/healthcheck.mjs', path.join(root, 'deploy/image/healthcheck.mjs'))
      .replaceAll('/usr/bin/node', process.execPath)
      .replaceAll('/var/lib/keyhold', path.join(folder, 'state')),
  )
}

function variablesOf(instance: string): Record<string, string> {
  const lines = valuesOf('Environment', instance)
  return {
    ...Object.fromEntries(lines.map((line) => line.split('=') as [string, string])),
    CREDENTIALS_DIRECTORY: path.join(folder, 'credentials'),
  }
}

function start(command: readonly string[], variables: Record<string, string>, cwd = folder): ChildProcess {
  const [program = '', ...args] = command
  const child = spawn(program, args, {
    cwd,
    env: { PATH: process.env.PATH, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.push(child)
  return child
}

async function output(child: ChildProcess): Promise<{ code: number; stdout: string; stderr: string }> {
  if (child.stdout === null || child.stderr === null) throw new Error('the process has no output')
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number]>,
  ])
  return { code, stdout, stderr }
}

function startInstance(instance: string): ChildProcess {
  // systemd makes it by StateDirectory.
  const [working = ''] = valuesOf('WorkingDirectory', instance)
  mkdirSync(working, { recursive: true, mode: 0o700 })
  const [command = ''] = valuesOf('ExecStart', instance)
  const child = start(command.split(' '), variablesOf(instance), working)
  child.stdout?.resume()
  child.stderr?.resume()
  return child
}

/** `systemctl start` waits for this. */
function waitUntilReady(instance: string, pid: number | undefined) {
  const [command = ''] = valuesOf('ExecStartPost', instance)
  return output(start(command.split(' '), { ...variablesOf(instance), MAINPID: String(pid) }))
}

/** Starts the proxy of the Compose file. */
function startProxy(program: string): { certificate: string; stop: () => Promise<unknown> } {
  const { key, certificate } = createTestCertificate(['localhost'])
  writeFileSync(path.join(folder, 'tls.key'), key)
  writeFileSync(path.join(folder, 'tls.crt'), certificate)
  const conf = readFileSync(path.join(root, 'deploy/compose/nginx.conf'), 'utf8')
    .replaceAll('/run/secrets', folder)
    .replace('/run/nginx.pid', path.join(folder, 'nginx.pid'))
    .replace('172.30.84.11:8180', `127.0.0.1:${instances[0] ?? ''}`)
    .replace('172.30.84.12:8180', `127.0.0.1:${instances[1] ?? ''}`)
    .replace('listen 8443', `listen 127.0.0.1:${proxyPort}`)
  const file = path.join(folder, 'nginx.conf')
  writeFileSync(file, conf)
  const proxy = start([program, '-c', file, '-g', 'daemon off;'], {})
  const ended = once(proxy, 'exit')
  return {
    certificate,
    // Not SIGKILL, which would leave its workers behind.
    stop: () => {
      proxy.kill('SIGTERM')
      return ended
    },
  }
}

/** The status of a request that encrypts a value of so many bytes, over TLS that is verified. */
function encryptThroughProxy(certificate: string, token: string, bytes: number): Promise<number> {
  const body = JSON.stringify({ items: [{ plaintext: Buffer.alloc(bytes, 'x').toString('base64') }] })
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', port: proxyPort, servername: 'localhost', ca: certificate, method: 'POST' },
        path: '/api/v1/encryption/encrypt',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      },
      (reply) => {
        reply.resume().on('end', () => {
          resolve(reply.statusCode ?? 0)
        })
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

test('two instances serve one database, each with a port, a folder and metrics of its own', async () => {
  const replicas = instances.map(startInstance)
  for (const [index, instance] of instances.entries())
    expect(await waitUntilReady(instance, replicas[index]?.pid)).toMatchObject({ code: 0, stderr: '' })
  const command = [process.execPath, serverCommand, 'create-operator-key']
  const { stdout } = await output(start(command, variablesOf('8580')))
  const [one = '', other = ''] = instances.map((instance) => `http://127.0.0.1:${instance}`)
  const tenant = await createTenant(one, stdout.trim())
  const token = await openClient(one, tenant.serviceToken).tenant().encrypt('on one machine')
  expect(await openClient(other, tenant.serviceToken).tenant().decryptText(token)).toBe('on one machine')
  for (const instance of instances) {
    const metrics = await (await fetch(`http://127.0.0.1:1${instance}/metrics`)).text()
    expect(metrics).toContain('keyhold_replicas 2')
  }
  if (nginx !== undefined) {
    const proxy = startProxy(nginx)
    const encrypt = (bytes: number) => encryptThroughProxy(proxy.certificate, tenant.serviceToken, bytes)
    try {
      await expect.poll(() => encrypt(10).catch(() => 0), { timeout: 10_000 }).toBe(200)
      // More than nginx lets through by default.
      expect(await encrypt(3_000_000)).toBe(200)
    } finally {
      await proxy.stop()
    }
  }
  // A second signal ends the drain.
  for (const replica of replicas) replica.kill('SIGTERM')
  await new Promise((resolve) => setTimeout(resolve, 700))
  for (const replica of replicas) replica.kill('SIGTERM')
  const ends = await Promise.all(
    replicas.map(async (replica) => replica.exitCode ?? ((await once(replica, 'exit')) as [number])[0]),
  )
  expect(ends).toEqual([0, 0])
})

test('a start that fails ends the waiting for it', async () => {
  const startMs = performance.now()
  const gone = start([process.execPath, '-e', ''], {})
  await once(gone, 'exit')
  const { code, stderr } = await waitUntilReady('8399', gone.pid)
  expect(code).toBe(1)
  expect(stderr).toContain('http://127.0.0.1:8399/readyz')
  expect(performance.now() - startMs).toBeLessThan(20_000)
})
