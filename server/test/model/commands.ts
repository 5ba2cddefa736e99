// Everything that may happen to a tenant, one thing after another.
import type { ErrorCode } from '@keyhold/core'
import fc from 'fast-check'
import { expect } from 'vitest'
import { cancelMigration } from '../../src/migration/cancel-migration.ts'
import { failpointNames, type FailpointName } from '../../src/migration/engine/failpoint.ts'
import { startMigration } from '../../src/migration/start-migration.ts'
import { startRotation } from '../../src/migration/start-rotation.ts'
import { deleteKeyProvider } from '../../src/providers/delete-key-provider.ts'
import { systemActor } from '../../src/store/audits.ts'
import { checkRefusals, checkRows, checkValues } from './check-tenant.ts'
import { keks, type Kek, type Model } from './model.ts'
import { outages, revocations } from './revocable-kms.ts'
import { fingerprintOf, refusalOf, type TenantUnderTest } from './tenant-under-test.ts'

type Command = fc.AsyncCommand<Model, TenantUnderTest>
type Work = (model: Model, tenant: TenantUnderTest) => Promise<void> | void

/** A command with the checks that follow each. */
function command(name: string, work: Work, check: (model: Readonly<Model>) => boolean = () => true): Command {
  return {
    check,
    async run(model, tenant) {
      tenant.step()
      await work(model, tenant)
      await checkValues(model, tenant, await checkRows(model, tenant))
    },
    toString: () => name,
  }
}

/** The caller's act when the replica dies under it, before or after the commit. */
type Death = 'before-commit' | 'after-commit' | undefined

async function askAndPerhapsDie(
  tenant: TenantUnderTest,
  action: 'start' | 'cancel',
  death: Death,
  ask: () => Promise<unknown>,
): Promise<ErrorCode | 'lost' | undefined> {
  if (death === undefined) return refusalOf(ask())
  let refusal: ErrorCode | undefined
  const isDead = await tenant.killAt({ name: `migration.${action}.${death}`, hit: 1 }, async () => {
    refusal = await refusalOf(ask())
  })
  return isDead && death === 'before-commit' ? 'lost' : refusal
}

const register = (kek: Kek) =>
  command(`register(${kek})`, async (model, tenant) => {
    const expected = model.registered.has(kek) ? 'ERR_KEY_PROVIDER_EXISTS' : model.closed.get(kek)
    expect(await refusalOf(tenant.register(kek))).toBe(expected)
    if (expected === undefined) model.registered.add(kek)
  })

const remove = (kek: Kek) =>
  command(`delete(${kek})`, async (model, tenant) => {
    const expected = model.refusalOfDeleting(kek)
    const work = deleteKeyProvider(
      tenant.replica.store,
      tenant.tenantId,
      fingerprintOf(kek, tenant.tenantId),
      systemActor,
    )
    expect(await refusalOf(work)).toBe(expected)
    if (expected === undefined) model.registered.delete(kek)
  })

const migrate = (target: Kek, death: Death) =>
  command(`migrate(${target}, ${death ?? ''})`, async (model, tenant) => {
    const expected = model.refusalOfMigrating(target)
    const { tenantId } = tenant
    const refusal = await askAndPerhapsDie(tenant, 'start', death, () =>
      startMigration(tenant.replica.start, tenantId, fingerprintOf(target, tenantId), systemActor),
    )
    if (refusal === 'lost') {
      expect(expected).toBeUndefined()
      model.held.clear()
      return
    }
    expect(refusal).toBe(expected)
    if (death !== undefined) model.held.clear()
    if (expected === undefined)
      model.job = { kind: 'migration', source: model.current, target, phase: 'prepare' }
  })

const rotate = () =>
  command('rotate', async (model, tenant) => {
    const expected = model.refusalOfRotating()
    expect(await refusalOf(startRotation(tenant.replica.start, tenant.tenantId, systemActor))).toBe(expected)
    const { current } = model
    if (expected === undefined)
      model.job = { kind: 'rotation', source: current, target: current, phase: 'prepare' }
  })

const cancel = (death: Death) =>
  command(
    `cancel(${death ?? ''})`,
    async (model, tenant) => {
      const [last] = await tenant.store.keyJobs.list(tenant.tenantId, 1)
      const expected = model.refusalOfCancelling()
      const refusal = await askAndPerhapsDie(tenant, 'cancel', death, () =>
        cancelMigration(tenant.replica.start, tenant.tenantId, last?.id ?? '', systemActor),
      )
      if (death !== undefined) model.held.clear()
      if (refusal === 'lost') expect(expected).toBeUndefined()
      else {
        expect(refusal).toBe(expected)
        if (expected === undefined) model.reach('aborting')
      }
    },
    (model) => model.job !== undefined || model.lastEnd !== undefined,
  )

const close = (kek: Kek, code: ErrorCode) =>
  command(`close(${kek}, ${code})`, (model, tenant) => {
    tenant.kms.close(kek, code)
    if (tenant.settings.ttlMs > 0 && !model.closed.has(kek)) model.held.add(kek)
    model.closed.set(kek, code)
  })

const open = (kek: Kek) =>
  command(
    `open(${kek})`,
    (model, tenant) => {
      tenant.kms.close(kek, undefined)
      model.closed.delete(kek)
      model.held.delete(kek)
    },
    (model) => model.closed.has(kek),
  )

const encrypt = (keyName: string, plaintext: string) =>
  command(`encrypt(${keyName})`, async (model, tenant) => {
    const kek = (await checkRows(model, tenant)).get(keyName) ?? model.active
    const refusal = await refusalOf(
      tenant.encrypt(keyName, plaintext).then((token) => model.values.push({ keyName, token, plaintext })),
    )
    checkRefusals(model, [{ kek, refusal }])
    if (refusal === undefined && !model.names.has(keyName)) model.names.set(keyName, new Set([kek]))
  })

const letJobsRun = () =>
  command(
    'letJobsRun',
    async (model, tenant) => {
      const expected = model.phasesAfterRun({ isKilled: false })
      await tenant.letJobsRun()
      await followJob(model, tenant, expected)
    },
    (model) => model.job !== undefined,
  )

const crash = (name: FailpointName, hit: number) =>
  command(
    `crash(${name}, ${hit})`,
    async (model, tenant) => {
      const expected = model.phasesAfterRun({ isKilled: true })
      await tenant.killAt({ name, hit }, () => tenant.letJobsRun())
      model.held.clear()
      await followJob(model, tenant, expected)
    },
    (model) => model.job !== undefined,
  )

const restart = () =>
  command('restart', (model, tenant) => {
    tenant.restart()
    model.held.clear()
  })

async function followJob(model: Model, tenant: TenantUnderTest, expected: string[]): Promise<void> {
  const [last] = await tenant.store.keyJobs.list(tenant.tenantId, 1)
  if (last === undefined) throw new Error('the key job is gone')
  expect(expected, 'how far the key job may have come').toContain(last.phase)
  model.reach(last.phase)
}

const expireCaches = () =>
  command('expireCaches', (model, tenant) => {
    tenant.expireCaches()
    model.held.clear()
  })

const kek = fc.constantFrom(...keks)
const customersKek = fc.constantFrom<Kek>('a', 'b')
const keyName = fc.constantFrom('one', 'two', 'three', 'four', 'five')
const death = fc.option(fc.constantFrom<Death>('before-commit', 'after-commit'), { nil: undefined, freq: 3 })
const failpoint = fc.constantFrom(...failpointNames.filter((name) => !/\.(start|cancel)\./.test(name)))

const text = fc.string({ minLength: 1, maxLength: 8 })

/** So many times as likely as the others. */
const often = (times: number, arbitrary: fc.Arbitrary<Command>) =>
  Array.from({ length: times }, () => arbitrary)

export const commands = fc.commands(
  [
    customersKek.map(register),
    customersKek.map(remove),
    ...often(
      4,
      fc
        .tuple(fc.constantFrom<Kek>('a', 'a', 'b', 'b', 'root'), death)
        .map(([target, when]) => migrate(target, when)),
    ),
    fc.constant(rotate()),
    ...often(2, death.map(cancel)),
    ...often(
      2,
      fc.tuple(kek, fc.constantFrom(...revocations, ...outages)).map(([which, code]) => close(which, code)),
    ),
    ...often(4, kek.map(open)),
    ...often(
      2,
      fc.tuple(keyName, text).map(([name, plaintext]) => encrypt(name, plaintext)),
    ),
    ...often(3, fc.constant(letJobsRun())),
    ...often(
      6,
      fc.tuple(failpoint, fc.integer({ min: 1, max: 2 })).map(([name, hit]) => crash(name, hit)),
    ),
    fc.constant(restart()),
    fc.constant(expireCaches()),
  ],
  { maxCommands: 50, size: 'max' },
)

/** Before the first command: so that there is something to move, and somewhere to move it. */
export async function prepare(model: Model, tenant: TenantUnderTest, registered: Kek[]): Promise<void> {
  for (const each of registered) {
    await tenant.register(each)
    model.registered.add(each)
  }
  const names = ['one', 'two', 'three']
  const tokens = await Promise.all(names.map((name) => tenant.encrypt(name, name)))
  for (const [index, token] of tokens.entries()) {
    const name = names[index] ?? ''
    model.values.push({ keyName: name, plaintext: name, token })
    model.names.set(name, new Set(['root']))
  }
}
