// Which server may open which database: the one that holds its root key. All others start sealed, harm nothing, and
// say what to do.
import { routes, type Route } from '@keyhold/contract'
import { randomUUID } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { readSettings } from '../../src/settings/read-settings.ts'
import { startServer, type Server } from '../../src/main.ts'
import { rootKeyForm1 } from '../../../testkit/src/server/root-key-form1.ts'
import { createRootKeyFile } from '../../src/kms/root-key-file.ts'
import { createRootKey } from '../../src/wiring/commands/create-root-key.ts'
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'
import {
  databaseUrl,
  openTestPostgres,
  type TestConnection,
  type TestPostgres,
} from '../../../testkit/src/database/test-database.ts'

let postgres: TestPostgres
let folder: string
let connection: TestConnection
const running: Server[] = []
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  connection = await postgres.createDatabaseWithSchema()
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-sealed-'))
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()))
  await rm(folder, { recursive: true, force: true })
})

const dataDir = (name: string) => path.join(folder, name)
const rootKeyFile = (name: string) => path.join(folder, name, 'root-key')

/** Lines of the log of all servers. */
const lines: unknown[] = []
const log = { write: (line: string) => lines.push(JSON.parse(line)) }

/** The installation that a root key file names. */
const installationOf = (text: string) => /^installation (.+)$/m.exec(text)?.[1] ?? ''

async function start(name = 'one', mayCreateRootKey = true): Promise<Server> {
  const settings = readSettings({
    KEYHOLD_PORT: '0',
    KEYHOLD_DATA_DIR: dataDir(name),
    KEYHOLD_DATABASE_URL: databaseUrl(connection),
    KEYHOLD_KMS_ENDPOINT: 'http://127.0.0.1:1',
  })
  const server = await startServer({ ...settings, mayCreateRootKey }, pino({ level: 'error' }, log))
  running.push(server)
  return server
}

interface Answer {
  status: number
  body: unknown
}

async function ask(
  server: Server,
  method: string,
  route: string,
  token?: string,
  body?: unknown,
): Promise<Answer> {
  const answer = await fetch(`${server.url}${route}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) }
}

const readyz = async (server: Server) => (await ask(server, 'GET', '/readyz')).status
const code = ({ body }: Answer) => (body as { errors?: { code: string }[] }).errors?.[0]?.code

interface Used {
  tokens: Record<string, string>
  encrypted: string
}

/** A tenant with one encrypted value. */
async function use(server: Server): Promise<Used> {
  const operator = await server.createOperatorKey('test')
  const tenant = await ask(server, 'POST', '/api/v1/tenants', operator, { name: 't', id: 't' })
  expect(tenant.status).toBe(201)
  const tokens: Record<string, string> = { operator }
  for (const role of ['tenant-admin', 'service']) {
    const { body } = await ask(server, 'POST', '/api/v1/api-keys', operator, { role, tenantId: 't' })
    tokens[role] = (body as { key: string }).key
  }
  const items = [{ plaintext: Buffer.from('secret').toString('base64') }]
  const { body } = await ask(server, 'POST', '/api/v1/encryption/encrypt', tokens.service, { items })
  const encrypted = (body as { items: { token: string }[] }).items[0]?.token ?? ''
  expect(encrypted).toMatch(/^kh1\./)
  return { tokens, encrypted }
}

async function expectReadable(server: Server, { tokens, encrypted }: Used): Promise<void> {
  const items = [{ token: encrypted }]
  const { body } = await ask(server, 'POST', '/api/v1/encryption/decrypt', tokens.service, { items })
  expect(body).toMatchObject({ items: [{ plaintext: Buffer.from('secret').toString('base64') }] })
}

/** Each route costs three requests: one test asks them all, the others a few. */
async function expectSealed(
  server: Server,
  { tokens }: Used,
  asked: readonly Route[] = doseOf(Object.values<Route>(routes), 40),
): Promise<void> {
  expect((await ask(server, 'GET', '/livez')).status).toBe(200)
  expect(await ask(server, 'GET', '/readyz')).toEqual({ status: 503, body: { status: 'sealed' } })
  for (const route of asked) {
    const url = route.path.replaceAll(/:[A-Za-z]+/g, 'x')
    const name = `${route.method} ${url}`
    expect((await ask(server, route.method, url)).status, name).toBe(401)
    const right = route.roles[0] ?? ''
    const answer = await ask(server, route.method, url, tokens[right])
    expect([answer.status, code(answer)], name).toEqual([503, 'ERR_SEALED'])
    // Without the root key no API key can be told from a planted one.
    const wrong = ['operator', 'tenant-admin', 'service'].find((role) => !route.roles.some((r) => r === role))
    // A route for whoever has any role has no wrong one.
    if (wrong === undefined) continue
    expect((await ask(server, route.method, url, tokens[wrong])).status, name).toBe(503)
  }
}

test('the first start makes the root key, for its owner alone; the second start opens what the first wrote', async () => {
  connection = await postgres.createDatabase()
  const first = await start()
  expect(((await stat(rootKeyFile('one'))).mode & 0o777).toString(8)).toBe('600')
  const rootKey = await readFile(rootKeyFile('one'), 'utf8')
  const used = await use(first)
  await first.stop()
  const second = await start()
  expect(await readyz(second)).toBe(200)
  await expectReadable(second, used)
  expect(await readFile(rootKeyFile('one'), 'utf8')).toBe(rootKey)
})

slowTest('where no root key may be made, a new database is refused, and nothing claims it', async () => {
  await expect(start('one', false)).rejects.toMatchObject({
    code: 'ERR_CONFIG_INVALID',
    message: expect.stringMatching(/no root key in .*one\/root-key.*root-key create/) as string,
  })
  expect(await readdir(dataDir('one'))).not.toContain('root-key')
  const made = await createRootKey({ dataDir: dataDir('one'), rootKeyFile: undefined })
  const server = await start('one', false)
  expect(await readyz(server)).toBe(200)
  expect(made.file).toBe(rootKeyFile('one'))
  await use(server)
})

test('a root key file that others may use is refused; that its group may read it is fine', async () => {
  const { file } = await createRootKey({ dataDir: dataDir('one'), rootKeyFile: undefined })
  await chmod(file, 0o644)
  await expect(start('one', false)).rejects.toMatchObject({
    code: 'ERR_ROOT_KEY_INVALID',
    message: expect.stringContaining('mode 0644') as string,
  })
  await chmod(file, 0o440)
  expect(await readyz(await start('one', false))).toBe(200)
})

test('without its root key it starts sealed, makes no new one, and is whole again with the old one', async () => {
  const first = await start()
  const used = await use(first)
  await first.stop()
  await rename(rootKeyFile('one'), path.join(folder, 'put-away'))
  const sealed = await start()
  await expectSealed(sealed, used, Object.values<Route>(routes))
  expect(await readdir(dataDir('one'))).not.toContain('root-key')
  await sealed.stop()
  await rename(path.join(folder, 'put-away'), rootKeyFile('one'))
  const again = await start()
  expect(await readyz(again)).toBe(200)
  await expectReadable(again, used)
})

slowTest(
  'a database with tenants that has lost its claim, as after half a restore, gets no new root key',
  async () => {
    const first = await start()
    const used = await use(first)
    await first.stop()
    await postgres.query(connection, 'delete from keyhold.installation')
    await rm(rootKeyFile('one'))
    await expectSealed(await start(), used)
    expect(await readdir(dataDir('one'))).not.toContain('root-key')
  },
)

slowTest('with another root key it starts sealed, also where that one has the same name', async () => {
  const first = await start()
  const used = await use(first)
  await first.stop()
  const right = await readFile(rootKeyFile('one'), 'utf8')
  await rm(rootKeyFile('one'))
  await createRootKeyFile(rootKeyFile('one'), installationOf(right))
  const other = await readFile(rootKeyFile('one'), 'utf8')
  for (const text of [other, right.replace(/[0-9a-f]{64}/, '00'.repeat(32)), rootKeyForm1(other)]) {
    await writeFile(rootKeyFile('one'), text)
    const sealed = await start()
    expect(await readyz(sealed)).toBe(503)
    expect(await readFile(rootKeyFile('one'), 'utf8')).toBe(text)
    await sealed.stop()
  }
  await writeFile(rootKeyFile('one'), right)
  await expectReadable(await start(), used)
})

test('with a root key file that names another installation it starts sealed, and says so', async () => {
  const first = await start()
  const used = await use(first)
  await first.stop()
  const right = await readFile(rootKeyFile('one'), 'utf8')
  const other = right.replace(installationOf(right), randomUUID())
  await writeFile(rootKeyFile('one'), other)
  const sealed = await start()
  await expectSealed(sealed, used)
  expect(lines).toContainEqual(
    expect.objectContaining({
      code: 'ERR_ROOT_KEY_INVALID',
      installationId: installationOf(right),
      msg: expect.stringContaining('names another installation than the database') as string,
    }),
  )
  expect(await readFile(rootKeyFile('one'), 'utf8')).toBe(other)
  await sealed.stop()
  await writeFile(rootKeyFile('one'), right)
  await expectReadable(await start(), used)
  await running.pop()?.stop()
  // The other way round: the file is right, and somebody has changed the database.
  await postgres.query(connection, 'update keyhold.installation set id = gen_random_uuid()')
  await expectSealed(await start(), used)
})

slowTest('a root key file of form 1 opens the same data, and stays as it is', async () => {
  const first = await start()
  const used = await use(first)
  await first.stop()
  const text = rootKeyForm1(await readFile(rootKeyFile('one'), 'utf8'))
  await writeFile(rootKeyFile('one'), text)
  const again = await start()
  expect(await readyz(again)).toBe(200)
  await expectReadable(again, used)
  expect(await readFile(rootKeyFile('one'), 'utf8')).toBe(text)
})

slowTest(
  'a first start that was killed between its root key and the database goes on with the same installation',
  async () => {
    const server = await start()
    const right = await readFile(rootKeyFile('one'), 'utf8')
    await server.stop()
    await postgres.query(connection, 'delete from keyhold.installation')
    await rm(path.join(dataDir('one'), 'state'), { recursive: true })
    expect(await readyz(await start())).toBe(200)
    expect(await readFile(rootKeyFile('one'), 'utf8')).toBe(right)
    expect(await postgres.query(connection, 'select id::text from keyhold.installation')).toEqual([
      { id: installationOf(right) },
    ])
  },
)

test('a damaged root key file ends the start and stays as it is', async () => {
  const first = await start()
  const used = await use(first)
  await first.stop()
  const right = await readFile(rootKeyFile('one'), 'utf8')
  await writeFile(rootKeyFile('one'), right.slice(0, 40))
  await expect(start()).rejects.toMatchObject({ code: 'ERR_ROOT_KEY_INVALID' })
  expect(await readFile(rootKeyFile('one'), 'utf8')).toBe(right.slice(0, 40))
  await writeFile(rootKeyFile('one'), right)
  await expectReadable(await start(), used)
})

test('of two first starts at once on one database, each with a data directory of its own, one is sealed', async () => {
  const servers = await Promise.all([start('one'), start('two')])
  const statuses = await Promise.all(servers.map(readyz))
  expect(statuses.sort()).toEqual([200, 503])
  const files = await Promise.all(['one', 'two'].map((name) => readdir(dataDir(name))))
  expect(files.flat().filter((file) => file.startsWith('root-key'))).toEqual(['root-key'])
  expect(await postgres.query(connection, 'select count(*)::int from keyhold.installation')).toEqual([
    { count: 1 },
  ])
})

test('a second replica with a copy of the root key opens the same data', async () => {
  const first = await start('one')
  const used = await use(first)
  await start('two').then((sealed) => sealed.stop())
  await writeFile(rootKeyFile('two'), await readFile(rootKeyFile('one'), 'utf8'), { mode: 0o600 })
  const second = await start('two')
  expect(await readyz(second)).toBe(200)
  await expectReadable(second, used)
  await expectReadable(first, used)
})

slowTest(
  'a root key that is there before the first start is used, as after a start that was killed half-way',
  async () => {
    await start('one').then((server) => server.stop())
    const rootKey = await readFile(rootKeyFile('one'), 'utf8')
    connection = await postgres.createDatabase()
    // A start that was killed half-way has not seen a signing key: one that is known is missed.
    await expect(start('one')).rejects.toMatchObject({ code: 'ERR_SIGNING_KEY_MISSING' })
    expect(
      await postgres.query(connection, 'select signing_key_id from keyhold.installation'),
    ).not.toContainEqual({
      signing_key_id: expect.any(String) as unknown,
    })
    await rm(path.join(dataDir('one'), 'state/signing-keys.json'))
    const server = await start('one')
    expect(await readyz(server)).toBe(200)
    expect(await readFile(rootKeyFile('one'), 'utf8')).toBe(rootKey)
  },
)
