// The export of a real server, and what it keeps beside its database, pass the verification without a server. A chain that somebody
// has written anew by SQL passes none.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rotateSigningKey } from '../../testkit/src/server/rotate-signing-key.ts'
import { startTestServer, type TestServer } from '../../testkit/src/server/start-test-server.ts'
import type { Audit } from '@keyhold/client'
import { chained } from './audit-chain.ts'
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

test('an export after a rotation of the signing key is verified with the key that was kept before', async () => {
  const { adminToken } = await server.createTenant()
  const env = { KEYHOLD_URL: server.url, KEYHOLD_TOKEN: adminToken }
  const keys = join(server.dataDir, 'state', 'signing-keys.json')
  await writeFile(join(folder, 'kept.json'), await readFile(keys, 'utf8'))
  await keyhold(['audit', 'verify', '--save-head', 'head.json'], { env, cwd: folder })
  const newest = await rotateSigningKey(server.settings)
  await server.request('POST', '/api/v1/encryption/actions/lock', { token: adminToken })
  const exported = await keyhold(['audit', 'export', '-o', 'rotated.ndjson'], { env, cwd: folder })
  expect(exported.exit).toBe(0)

  const offline = ['audit', 'verify', '--from', 'rotated.ndjson', '--head', 'head.json', '--json']
  const { stdout, exit } = await keyhold([...offline, '--keys', 'kept.json'], { env: {}, cwd: folder })
  expect([exit, JSON.parse(stdout)]).toMatchObject([0, { rotations: 1, kept: 1, head: { signedBy: newest } }])
  // By the server as well.
  const online = ['audit', 'verify', '--head', 'head.json', '--keys', 'kept.json']
  expect(await keyhold(online, { env, cwd: folder })).toMatchObject({ exit: 0, stderr: '' })

  // Without the statements nobody vouches for the new key.
  const text = await readFile(join(folder, 'rotated.ndjson'), 'utf8')
  await writeFile(join(folder, 'rotated.ndjson'), text.replace(/^\{"rotation".*\n/m, ''))
  const bare = await keyhold([...offline, '--keys', 'kept.json'], { env: {}, cwd: folder })
  expect([bare.exit, bare.stdout]).toEqual([1, expect.stringContaining('names none of the keys')])
})

test('of a chain that was written anew with right hashes, the first record with a wrong MAC is named', async () => {
  const { tenantId, adminToken } = await server.createTenant()
  for (const action of ['lock', 'unlock', 'lock'])
    await server.request('POST', `/api/v1/encryption/actions/${action}`, { token: adminToken })
  const env = { KEYHOLD_URL: server.url, KEYHOLD_TOKEN: adminToken }
  const verify = async () => {
    const { exit, stderr } = await keyhold(['audit', 'verify'], { env, cwd: folder })
    return [exit, stderr]
  }
  expect(await verify()).toEqual([0, ''])
  const { body } = await server.request('GET', '/api/v1/encryption/audits', { token: adminToken })
  const honest = (body as { audits: Audit[] }).audits
  expect(body).toMatchObject({ authenticTo: 5 })
  expect(body).not.toHaveProperty('forged')

  const rewritten = chained(
    honest.map((audit) => (audit.sequence < 3 ? audit : { ...audit, actor: { id: 'system' } })),
  )
  expect(rewritten[1]?.hash).toBe(honest[1]?.hash)
  await server.query('alter table keyhold.audits disable trigger all')
  const write = (audit: Audit, more = '') =>
    server.query(
      `update keyhold.audits set actor_id = $3, actor_role = $4, hash = decode($5, 'hex') ${more}
        where chain = $1 and sequence = $2`,
      [tenantId, audit.sequence, audit.actor.id, audit.actor.role, audit.hash],
    )
  for (const audit of rewritten.slice(2)) await write(audit)
  const end = () =>
    server.query(
      `update keyhold.audit_heads h set hash = a.hash from keyhold.audits a
        where a.chain = $1 and h.chain = $1 and a.sequence = h.sequence`,
      [tenantId],
    )
  await end()
  expect(await verify()).toEqual([1, expect.stringContaining('record 3 was not written by Keyhold')])

  // Without any codes no record is known to be wrong: but which is the last right one.
  for (const audit of rewritten.slice(2)) await write(audit, ', mac = null')
  expect(await verify()).toEqual([1, expect.stringContaining('after record 2 no record has a right')])
})
