// A database that has gone back is noticed after a restart by what the replica has kept outside of it, and an operator can go on
// with it without undoing what was locked, revoked, retired or cancelled since.
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { databaseUrl } from '../../../testkit/src/database/test-database.ts'
import { plaintextOf } from '../../../testkit/src/http/api.ts'
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'
import { confirmRestore } from '../../src/wiring/commands/restore/confirm-restore.ts'
import { names, openOlderScene, type Name, type OlderScene } from './older-scene.ts'

let scene: OlderScene
let file: string
beforeAll(async () => {
  scene = await openOlderScene()
  file = path.join(scene.stateDir, 'generations.log')
})
afterAll(() => scene.stop())

const value = plaintextOf('pay')
const refused = 'ERR_RECORD_NOT_AUTHENTIC'
const changed = names.filter((name) => name !== 'still')
const askAll = async () =>
  Object.fromEntries(await Promise.all(names.map(async (name) => [name, await scene.ask(name)] as const)))
const every = (outcome: string) =>
  Object.fromEntries(changed.map((name) => [name, outcome])) as Record<Name, string>
const readyz = async () => {
  const answer = await fetch(`${scene.server.url}/readyz`)
  return [answer.status, await answer.json()]
}
const truth = {
  ...{ locked: 'ERR_TENANT_LOCKED', revoked: value, retired: 'ERR_KEY_VERSION_RETIRED' },
  ...{ moving: value, kept: value, still: value },
}

test('locks, revocations and minimums are in the file when they are answered', () => {
  const [lock, ofTenant, ofOperator, minimum] = scene.keptAtOnce
  expect(lock).toMatchObject({ lockedAtMs: expect.any(Number) as number })
  for (const [index, facts] of [ofTenant, ofOperator].entries()) {
    const { apiKeys } = facts as { apiKeys: string[] }
    expect(apiKeys.length).toBeGreaterThan(0)
    expect(apiKeys).not.toContain(scene.revokedIds[index])
  }
  expect(Object.values((minimum as { minimumVersions: object }).minimumVersions)).toEqual([2])
})

test('as long as nothing goes back, nothing is refused, also after restarts', async () => {
  expect(await askAll()).toEqual(truth)
  await scene.server.restart()
  expect(await askAll()).toEqual(truth)
  expect(await scene.ask('revoked', scene.revokedKey)).toBe('ERR_UNAUTHENTICATED')
  await scene.server.sweep()
  expect(await scene.metric('keyhold_quarantined{scope="tenants"}')).toBe(0)
  const log = scene.takeLog()
  expect(log.filter(({ level }) => Number(level) > 40)).toEqual([])
  // For an operator who has the log.
  expect(log.find(({ msg }) => msg === 'generations kept outside of the database')).toMatchObject({
    type: 'keyhold/generations/1',
    installationId: expect.any(String) as string,
    number: expect.any(Number) as number,
    digest: expect.any(String) as string,
    jws: expect.any(String) as string,
  })
})

slowTest('without what was kept, a lock, a revocation, a minimum and a cancellation are undone', async () => {
  const away = `${scene.stateDir}-away`
  await scene.server.restart(async () => {
    await rename(scene.stateDir, away)
    await scene.putBack()
  })
  expect(await askAll()).toEqual({ ...every(value), still: value })
  expect(await scene.ask('revoked', scene.revokedKey)).toBe(value)
  expect(scene.takeLog().filter(({ msg }) => String(msg).startsWith('nothing is remembered'))).toHaveLength(1)
  await scene.server.restart(async () => {
    await rm(scene.stateDir, { recursive: true })
    await rename(away, scene.stateDir)
    await scene.putForth()
  })
})

test('older rows of tenants are refused, and others are served', async () => {
  scene.takeLog()
  await scene.server.restart(() => scene.putBack(names))
  expect(await askAll()).toEqual({ ...every(refused), still: value })
  expect(await scene.ask('revoked', scene.revokedKey)).toBe(refused)
  expect(await readyz()).toEqual([200, { status: 'ok' }])

  await scene.server.sweep()
  expect(await scene.metric('keyhold_quarantined{scope="tenants"}')).toBe(changed.length)
  expect(await scene.metric('keyhold_quarantined{scope="installation"}')).toBe(0)
  const quarantined = scene.takeLog().filter(({ msg }) => String(msg).startsWith('quarantined'))
  expect(quarantined.map(({ tenantId }) => tenantId).sort()).toEqual([...changed].sort())
  const doctor = await scene.command('doctor', '--integrity')
  for (const name of changed)
    expect(doctor.stdout).toMatch(new RegExp(`^ROW_OLDER .*tenant=${name} .*confirm-restore`, 'm'))
  expect(doctor.stdout).not.toContain('tenant=still')

  const encrypted = await scene.server.request('POST', '/api/v1/encryption/encrypt', {
    token: scene.tenants.moving.serviceToken,
    body: { items: [{ keyName: 'new', plaintext: value }] },
  })
  const rotated = await scene.server.request('POST', '/api/v1/encryption/tenant-key/actions/rotate', {
    token: scene.tenants.moving.adminToken,
  })
  for (const { status, text } of [encrypted, rotated])
    expect([status, text]).toEqual([503, expect.stringContaining('keyhold-server doctor --integrity')])
  // This replica runs, and may know more than its folder.
  expect(await scene.command('confirm-restore', '--yes')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('ERR_RESTORE_BLOCKED') as string,
  })

  // The rows are the newest ones again.
  await scene.putForth()
  await expect.poll(askAll, { timeout: 15_000, interval: 250 }).toEqual(truth)
  await scene.server.sweep()
  await expect.poll(() => scene.metric('keyhold_quarantined{scope="tenants"}'), { timeout: 5_000 }).toBe(0)
})

test('a file that somebody has changed is refused, with what to do', async () => {
  const text = await readFile(file, 'utf8')
  await expect(
    scene.server.restart(() => writeFile(file, text.replace('"locked"', '"another"'))),
  ).rejects.toMatchObject({
    code: 'ERR_STATE_FILE_INVALID',
    message: expect.stringMatching(/generations\.log was changed.*move the file away/) as string,
  })
  expect((await scene.command('doctor', '--integrity')).stdout).toMatch(/^STATE_FILE_INVALID /m)
  expect((await scene.command('confirm-restore')).stderr).toContain('ERR_STATE_FILE_INVALID')
  await writeFile(file, text)
  await scene.server.restart()
  expect(await askAll()).toEqual(truth)
})

test('a state folder to which everybody may write is refused', async () => {
  await chmod(scene.stateDir, 0o777)
  for (const args of [['confirm-restore'], ['create-operator-key', '--name', 'another']])
    expect((await scene.command(...args)).stderr).toContain('ERR_STATE_FILE_INVALID')
  await chmod(scene.stateDir, 0o700)
})

test('an older database as a whole is quarantined until an operator confirms it', async () => {
  await scene.server.restart(() => scene.putBack())
  expect(await readyz()).toEqual([503, { status: 'quarantined' }])
  expect(await askAll()).toEqual({ ...every('ERR_QUARANTINED'), still: 'ERR_QUARANTINED' })
  expect(await scene.metric('keyhold_quarantined{scope="installation"}')).toBe(1)
  const log = scene.takeLog().find(({ code }) => code === 'ERR_QUARANTINED')
  expect(String(log?.msg)).toContain('keyhold-server confirm-restore')

  const generation = async (table: string, where: string) =>
    Number((await scene.server.query(`select generation from ${table} where ${where}`))[0]?.generation)
  const known = await generation('newest.tenant_guards', `tenant_id = 'locked'`)
  const knownInstallation = await generation('newest.installation', 'true')
  // No other command gives a row of it a newer generation, or makes an API key in it.
  for (const args of [
    ['signing-key', 'rotate', '--yes'],
    ['create-operator-key', '--name', 'another'],
  ])
    expect(await scene.command(...args)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('ERR_QUARANTINED') as string,
    })
  // Nobody who could be asked.
  expect((await scene.command('confirm-restore')).exitCode).toBe(2)
  const { exitCode, stdout, stderr } = await scene.command('confirm-restore', '--yes')
  expect([exitCode, stderr]).toEqual([
    0,
    expect.stringMatching(/signing-key rotate[^]*Start the replicas now/),
  ])
  // They would keep the server from starting, and chains from being signed.
  const aside = (await readdir(scene.stateDir)).filter((name) => name.includes('.before-'))
  expect(aside.map((name) => name.split('.')[0]).sort()).toEqual(['audit-checkpoints', 'signing-keys'])
  expect(stdout).toMatch(/^installation row older by 2: /m)
  expect(stdout).toMatch(/^tenant locked guard older by 1: locked; /m)
  expect(stdout).toMatch(/^tenant locked is confirmed: is locked$/m)
  expect(stdout).toMatch(/^tenant moving is confirmed: key job cancelled: /m)
  expect(stdout).toMatch(/^tenant kept is confirmed: destructions cancelled: /m)
  expect(stdout).toMatch(/^tenant retired is confirmed: minimum versions raised of: /m)
  expect(stdout).toMatch(/^tenant revoked is confirmed: API keys deleted: /m)
  expect(stdout).not.toContain('still')
  expect(await generation('keyhold.tenant_guards', `tenant_id = 'locked'`)).toBe(known + 2 ** 20)
  expect(await generation('keyhold.installation', 'true')).toBe(knownInstallation + 2 ** 20)

  scene.takeLog()
  await scene.server.restart()
  expect(await askAll()).toEqual(truth)
  expect(await scene.ask('revoked', scene.revokedKey)).toBe('ERR_UNAUTHENTICATED')
  const asOperator = async (token: string) =>
    (await scene.server.request('GET', '/api/v1/tenants', { token })).status
  expect([await asOperator(scene.server.operatorToken), await asOperator(scene.revokedOperatorKey)]).toEqual([
    200, 401,
  ])
  const migration = async () =>
    (await scene.server.query(`select phase from keyhold.key_jobs where tenant_id = 'moving'`))[0]?.phase
  expect(await migration()).toMatch(/^abort/)
  await scene.server.sweep()
  expect(scene.takeLog().filter(({ msg }) => String(msg).includes('contradicts its checkpoints'))).toEqual([])
  const records = await scene.server.query(
    `select chain, actor_id, target_id from keyhold.audits where action like '%.confirm-restore' order by chain`,
  )
  expect(records.map(({ chain, actor_id: actor }) => `${String(chain)} ${String(actor)}`)).toEqual(
    ['', ...[...changed].sort()].map((chain) => `${chain} command`),
  )
  expect(await scene.command('doctor', '--integrity')).toMatchObject({ exitCode: 0, stdout: '' })
  await scene.server.restart()
  expect(await scene.command('confirm-restore', '--yes')).toMatchObject({ exitCode: 1 })
})

test('a confirmation that is cut off is completed by the next one', async () => {
  const settings = {
    ...scene.server.settings,
    databaseUrl: databaseUrl(scene.server.databaseConnection()),
  }
  await scene.server.restart(() => scene.putBack())
  const steps = ['confirmed', 'tenant-restored', 'installation-restored', 'kept'] as const
  // The gate cuts it off at the first one.
  for (const at of doseOf(steps, 9)) {
    await scene.putBack()
    const options = {
      ...{ tell: () => undefined, say: () => undefined, from: [] },
      confirm: () => Promise.resolve(true),
    }
    const onStep = (step: string) => (step === at ? Promise.reject(new Error('cut off')) : Promise.resolve())
    await expect(confirmRestore(settings, { ...options, onStep })).rejects.toThrow('cut off')
    const outcome = await scene.command('doctor', '--integrity')
    const olderLeft = outcome.stdout.split('\n').filter((line) => line.startsWith('ROW_OLDER'))
    expect([at, olderLeft.length > 0]).toEqual([at, at === 'confirmed' || at === 'tenant-restored'])
    expect(await confirmRestore(settings, options)).toBe(true)
    expect(await scene.command('doctor', '--integrity')).toMatchObject({ exitCode: 0, stdout: '' })
  }

  // Its own folder knows at once that the time before is given up.
  await scene.putForth()
  expect((await scene.command('doctor', '--integrity')).stdout).toMatch(/^ROW_OLDER .*tenant=locked /m)

  // Another replica knows what this one does not.
  const other = `${scene.stateDir}-of-another`
  await mkdir(other)
  await rename(file, path.join(other, 'generations.log'))
  await scene.putBack()
  expect(await scene.command('confirm-restore', '--yes')).toMatchObject({
    ...{ exitCode: 0, stdout: '' },
    stderr: expect.stringMatching(/Nothing is known of newer rows.*\n.*nothing to confirm/) as string,
  })
  expect((await scene.command('confirm-restore', '--yes', '--from', scene.server.dataDir)).exitCode).toBe(2)
  // However the folder is written.
  const odd = path.join(other, '..', path.basename(other)).replace(/[/]([^/]*)$/, '//./$1/')
  const confirmed = await scene.command('confirm-restore', '--yes', '--from', odd)
  expect([confirmed.exitCode, confirmed.stdout]).toEqual([
    0,
    expect.stringContaining('tenant locked is confirmed'),
  ])
  // Its own file is there again now. It is not in this folder.
  expect((await scene.command('confirm-restore', '--yes', '--from', scene.server.dataDir)).exitCode).toBe(2)
  await scene.server.restart()
  expect(await askAll()).toEqual(truth)
  expect(await scene.ask('revoked', scene.revokedKey)).toBe('ERR_UNAUTHENTICATED')
})

slowTest('rows of the time that was given up are older than those that were confirmed', async () => {
  await scene.server.restart(() => scene.putForth())
  expect(await readyz()).toEqual([503, { status: 'quarantined' }])
})
