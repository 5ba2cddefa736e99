// One column of core's error table says what an error tells of a customer's key. Many rooms act on it: this table holds
// the way of each of them with every code, so that no two of them come to disagree by accident.
import { statusOf } from '@keyhold/contract'
import {
  errorCodes,
  generateKey,
  isPolicyDenial,
  keyCheckValue,
  KeyholdError,
  kindOf,
  type ErrorCode,
  type Kms,
} from '@keyhold/core'
import { expect, test } from 'vitest'
import { runDrDrill, type DrDrillParts } from '../../src/health/dr-drill.ts'
import { createKeyBreaker } from '../../src/health/key-breaker.ts'
import { nextKeyState, observationOf } from '../../src/health/key-state.ts'
import { createTenantKeyCache } from '../../src/keyring/tenant-key-cache.ts'
import { createRegionMemory } from '../../src/kms/region-memory.ts'
import type { LeaderParts } from '../../src/migration/engine/migration-parts.ts'
import { openVersions } from '../../src/keyring/open-versions.ts'
import { prepare } from '../../src/migration/phases/prepare.ts'
import { tryTarget } from '../../src/migration/start-migration.ts'
import { getKeyAccess } from '../../src/providers/get-key-access.ts'
import type { LedKeyJob } from '../../src/store/key-jobs/key-jobs.ts'
import type { KeyProviderRow } from '../../src/store/key-providers/key-provider-row.ts'
import type { Store } from '../../src/store/store.ts'

const region = 'eu-west-1'
const keyArn = `arn:aws:kms:${region}:222222222222:key/mrk-0123456789abcdef0123456789abcdef`
const tenants = ['tenant-1', 'tenant-2'] as const
const [tenantId, otherTenantId] = tenants

/** The room's own way with an error of that code, in a word; empty: it treats it like any error. */
type Question = (code: ErrorCode) => string | Promise<string>

/** Of whom it drops the keys that it holds, and does not ask the KMS again for a moment. */
const keyring: Question = async (code) => {
  const keys = new Map(
    tenants.map((name) => [name as string, { tenantId: name, id: name, version: 1, key: generateKey() }]),
  )
  const rowOf = (name: string) => ({
    ...{ tenantId: name, id: name, version: 1, state: 'active', keyArn, wrapped: Buffer.alloc(1) },
    ...{ keyCheckValue: keyCheckValue(keys.get(name) ?? expect.fail()), isLocked: false },
  })
  let failing = false
  let calls = 0
  const cache = createTenantKeyCache({
    store: { tenantKeys: { find: (name: string) => Promise.resolve(rowOf(name)) } } as unknown as Store,
    kms: {
      unwrapTenantKey(_: string, __: Buffer, ref: { tenantId: string }) {
        calls += 1
        return failing ? Promise.reject(new KeyholdError(code)) : Promise.resolve(keys.get(ref.tenantId)?.key)
      },
    } as unknown as Kms,
    ...{ ttl: { minMs: 0, maxMs: 60_000 }, maxEntries: 10, clock: () => 0 },
  })
  const held = await Promise.all(tenants.map((name) => cache.get(name, 1)))
  failing = true
  for (let attempt = 0; attempt < 2; attempt++) await cache.get(tenantId, 1, 2).catch(() => undefined)
  const [mine, others] = held.map((entry) => (entry?.validUntilMs ?? 0) < 0)
  const dropped = others === true ? 'everyone' : mine === true ? 'tenant' : ''
  expect(calls - tenants.length).toBe(dropped === '' ? 2 : 1)
  return dropped
}

/** Whether another region may stand in, for that key or for all of the region; and for whom it must not. */
const regions: Question = (code) => {
  const memory = createRegionMemory(() => 0)
  memory.failed(keyArn, region, tenantId, code)
  if (memory.away(keyArn, region) !== undefined) {
    const otherKeys = ['a', 'b', 'c'].map((id) => `${keyArn}${id}`)
    for (const other of otherKeys) memory.failed(other, region, tenantId, code)
    return memory.away(`${keyArn}d`, region) === undefined ? 'outage of the key' : 'outage'
  }
  if (memory.isDenied(keyArn, otherTenantId)) return 'everyone'
  return memory.isDenied(keyArn, tenantId) ? 'tenant' : ''
}

/** Whether it leaves the key alone after two of them; or takes the key's last outage to be over. */
const breaker: Question = async (code) => {
  const isPausedAfter = async (...codes: ErrorCode[]) => {
    let nowMs = 0
    const keyBreaker = createKeyBreaker(() => nowMs, { first: 1_000, max: 4_000 })
    for (const each of codes) {
      nowMs += 1
      await keyBreaker.call(keyArn, () => Promise.reject(new KeyholdError(each))).catch(() => undefined)
    }
    return keyBreaker.call(keyArn, () => Promise.resolve(false)).catch(() => true)
  }
  if (await isPausedAfter(code, code)) return 'outage'
  return (await isPausedAfter('ERR_KMS_FAILED', code, 'ERR_KMS_FAILED')) ? 'nothing' : ''
}

/** The state that is shown of the key, and whether at once or only when a second answer says the same. */
const health: Question = (code) => {
  const observation = observationOf(new KeyholdError(code))
  if (observation === undefined) return ''
  const nothing = { code: undefined, action: undefined, policy: undefined, candidateState: undefined }
  const healthy = { state: 'healthy' as const, ...nothing }
  const at = new Date(0)
  const next = nextKeyState({ ...healthy, since: at, checkedAt: at }, observation, at)
  return next?.state === observation.state ? `${observation.state} at once` : observation.state
}

/** Whether a rotation goes on although the key cannot be inspected. */
const rotation: Question = async (code) => {
  const goesOn = new Error('it has gone on')
  const parts = {
    failpoint: () => Promise.resolve(),
    kms: { inspectKey: () => Promise.reject(new KeyholdError(code)) },
    store: { tenantKeys: { maxVersion: () => Promise.reject(goesOn) } },
  } as unknown as LeaderParts
  const outcome = await prepare(parts, { kind: 'rotation', tenantId } as LedKeyJob).catch(
    (error: unknown) => error,
  )
  return outcome === goesOn ? 'goes on' : ''
}

/** Whether a migration to such a key is refused for what the key is, or for what it is now. */
const target: Question = async (code) => {
  const kms = { inspectKey: () => Promise.reject(new KeyholdError(code)) } as unknown as Kms
  const outcome = await tryTarget(kms, tenantId, { keyArn } as KeyProviderRow).catch(
    (error: unknown) => error,
  )
  return (outcome as KeyholdError).code === 'ERR_MIGRATION_NOT_STARTED' ? 'unusable' : ''
}

/** Whether a replica that reads it in the key's health lets another region stand in. */
const access: Question = async (code) => {
  const state = observationOf(new KeyholdError(code))?.state
  if (state === undefined) return ''
  const store = {
    keyAccess: { find: () => Promise.resolve({ role: undefined, replicaRegions: [] }) },
    keyHealth: { list: () => Promise.resolve([{ region, state, code }]) },
  } as unknown as Store
  return (await getKeyAccess(store, tenantId, keyArn)).isDenied === true ? 'denied' : ''
}

/** Whether a drill asks the region for nothing more. */
const drill: Question = async (code) => {
  const row = { tenantId, version: 1, id: tenantId, keyArn, wrapped: Buffer.alloc(1), state: 'active' }
  const queries = {
    tenants: { find: () => Promise.resolve({}) },
    tenantKeys: { list: () => Promise.resolve([row]), find: () => Promise.resolve(row) },
    surveys: { findUnaccepted: () => Promise.resolve([]) },
  }
  const parts = {
    store: { readSnapshot: (read: (of: unknown) => unknown) => read(queries), ...queries },
    inRegion: () => Promise.reject(new KeyholdError(code)),
    findKeyAccess: () => Promise.resolve({ role: undefined, replicaRegions: ['eu-west-3'] }),
    drRegions: new Map(),
    clock: () => 0,
  } as unknown as DrDrillParts
  const { keys } = await runDrDrill(parts, tenantId, undefined)
  return keys[0]?.regions[0]?.steps[1]?.outcome === 'skipped' ? 'away' : ''
}

/** Whether a key job sets the cipherkeys of a version aside that does not open, rather than wait. */
const keyJob: Question = async (code) => {
  const error = new KeyholdError(code)
  const outcome = await openVersions([1], () => Promise.reject(error)).catch((thrown: unknown) => thrown)
  if (outcome === error) return ''
  expect(outcome).toEqual({ sources: [], refused: [{ version: 1, code, message: error.message }] })
  return 'sets aside'
}

const questions = { keyring, regions, breaker, health, rotation, target, access, drill, keyJob }

async function answersTo(code: ErrorCode): Promise<string> {
  const answers = Object.entries(questions).map(async ([room, ask]) => [room, await ask(code)])
  return (await Promise.all(answers))
    .filter(([, answer]) => answer !== '')
    .map(([room, answer]) => `${room}: ${answer}`)
    .join(' | ')
}

const nothing = ''
const answers: Partial<Record<ErrorCode, string>> = {
  'Encryption-88':
    'keyring: tenant | regions: tenant | health: denied at once | access: denied | keyJob: sets aside',
  ERR_KMS_DENIED:
    'keyring: tenant | regions: tenant | health: denied at once | access: denied | keyJob: sets aside',
  ERR_KMS_KEY_DISABLED:
    'keyring: everyone | regions: everyone | health: disabled at once | target: unusable | access: denied | keyJob: sets aside',
  ERR_KMS_KEY_PENDING_DELETION:
    'keyring: everyone | regions: everyone | health: pendingDeletion at once | target: unusable | access: denied | keyJob: sets aside',
  ERR_KMS_KEY_NOT_FOUND:
    'keyring: everyone | regions: everyone | health: notFound at once | target: unusable | access: denied | keyJob: sets aside',
  ERR_KMS_KEY_WRONG_USAGE:
    'keyring: everyone | regions: everyone | health: misconfigured at once | target: unusable | access: denied | keyJob: sets aside',
  ERR_KMS_KEY_PENDING_IMPORT:
    'keyring: everyone | regions: everyone | health: misconfigured at once | target: unusable | access: denied | keyJob: sets aside',
  ERR_KMS_KEY_NOT_READY:
    'keyring: everyone | regions: everyone | health: misconfigured at once | target: unusable | access: denied | keyJob: sets aside',
  ERR_KMS_EXTERNAL_KEY_DENIED:
    'keyring: tenant | regions: tenant | health: denied at once | access: denied | keyJob: sets aside',
  ERR_KMS_EXTERNAL_KEY_DISABLED:
    'keyring: everyone | regions: everyone | health: disabled at once | target: unusable | access: denied | keyJob: sets aside',
  ERR_KMS_EXTERNAL_KEY_NOT_FOUND:
    'keyring: everyone | regions: everyone | health: notFound at once | target: unusable | access: denied | keyJob: sets aside',

  ERR_KMS_INVALID_CIPHERTEXT: 'keyring: tenant | health: misconfigured at once | keyJob: sets aside',
  ERR_KEY_INTEGRITY: 'keyring: tenant | health: misconfigured at once | keyJob: sets aside',

  ERR_KMS_THROTTLED:
    'regions: outage | breaker: outage | health: throttled | rotation: goes on | drill: away',
  ERR_KMS_TIMEOUT:
    'regions: outage | breaker: outage | health: unreachable | rotation: goes on | drill: away',
  ERR_KMS_UNREACHABLE:
    'regions: outage | breaker: outage | health: unreachable | rotation: goes on | drill: away',
  ERR_KMS_FAILED: 'regions: outage | breaker: outage | health: unreachable | rotation: goes on | drill: away',
  ERR_KMS_PROXY: 'regions: outage | breaker: outage | health: unreachable | rotation: goes on | drill: away',
  ERR_KMS_KEY_STORE_UNREACHABLE:
    'regions: outage of the key | breaker: outage | health: unreachable | rotation: goes on | drill: away',
  ERR_KMS_KEY_STORE_THROTTLED:
    'regions: outage of the key | breaker: outage | health: throttled | rotation: goes on | drill: away',

  // Exceptions, each with its reason where it is made. All other errors of Keyhold's own change nothing.
  ERR_ROLE_WITHOUT_EXTERNAL_ID: 'health: misconfigured at once',
  ERR_ROLE_TRUST_TOO_WIDE: 'health: misconfigured at once',
  // Other regions may have another way to our public pages.
  ERR_KMS_ISSUER: 'regions: outage | breaker: outage | health: unreachable | rotation: goes on | drill: away',
  ERR_KMS_CREDENTIALS: 'health: misconfigured',
  ERR_KMS_OWN_POLICY: 'health: misconfigured',
  ERR_KMS_BUDGET: 'breaker: nothing',
}

test.each(errorCodes)('%s: every room does what its kind asks for', async (code) => {
  expect(await answersTo(code)).toBe(answers[code] ?? nothing)
})

test('the statuses of errors about keys follow their kind', () => {
  const statuses = (code: ErrorCode) => [statusOf(code), statusOf(code, 'createKeyProvider')]
  const outages = errorCodes.filter((code) => kindOf(code) === 'outage')
  expect(outages.map(statuses)).toEqual(outages.map(() => [503, 408]))
  const states = errorCodes.filter((code) => kindOf(code) === 'denial' && !isPolicyDenial(code))
  expect(states.map(statuses)).toEqual(states.map(() => [424, 406]))
})
