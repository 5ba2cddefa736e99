// The export of a real server, and what it keeps beside its database, pass the verification without a server.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../../testkit/src/server/start-test-server.ts'
import { keyhold } from './run-keyhold.ts'

let server: TestServer
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhold-real-audit-'))
  server = await startTestServer()
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

test('an export of a real server, with the keys and the checkpoints of its state folder', async () => {
  const { tenantId, adminToken } = await server.createTenant()
  const env = {
    KEYHOLD_URL: server.url,
    KEYHOLD_TOKEN: adminToken,
    KEYHOLD_OPERATOR_TOKEN: server.operatorToken,
  }
  const state = (name: string) => join(server.dataDir, 'state', name)
  const exported = (name: string, ...args: string[]) =>
    keyhold(['audit', 'export', '-o', name, ...args], { env, cwd: folder })
  const verified = (name: string, ...args: string[]) =>
    keyhold(['audit', 'verify', '--from', name, '--keys', state('signing-keys.json'), '--json', ...args], {
      ...{ env: {}, cwd: folder },
    })

  expect(await exported('first.ndjson')).toMatchObject({ exit: 0 })
  await server.request('POST', '/api/v1/encryption/actions/lock', { token: adminToken })
  expect(await exported('second.ndjson')).toMatchObject({ exit: 0 })
  expect(await exported('installation.ndjson', '--operator')).toMatchObject({ exit: 0 })
  const file = state('audit-checkpoints.ndjson')
  await expect
    .poll(async () => (await readFile(file, 'utf8')).split(`"tenantId":"${tenantId}"`).length - 1)
    .toBe(2)

  const second = await verified('second.ndjson', '--checkpoints', file, '--checkpoints', 'first.ndjson')
  expect(second).toMatchObject({ exit: 0, stderr: '' })
  expect(JSON.parse(second.stdout)).toMatchObject({
    ...{ tenantId, records: 3, checkpoints: 2, kept: 4, vouchedTo: 3, keptTo: 3 },
  })
  expect(await verified('installation.ndjson', '--operator', '--checkpoints', file)).toMatchObject({
    exit: 0,
  })

  // The first export was true in its time. Against what has been signed since, its end is cut off.
  expect(await verified('first.ndjson')).toMatchObject({ exit: 0 })
  const first = await verified('first.ndjson', '--checkpoints', file)
  expect([first.exit, first.stdout]).toEqual([1, expect.stringContaining('names 3 records')])

  // One byte of one record.
  const text = await readFile(join(folder, 'second.ndjson'), 'utf8')
  await writeFile(join(folder, 'changed.ndjson'), text.replace('"tenant.lock"', '"tenant.unlock"'))
  const changed = await verified('changed.ndjson')
  expect([changed.exit, changed.stdout]).toEqual([1, expect.stringContaining('record 3, or one before it')])
})
