// The prober on many keys, with answers in place of a KMS: nothing that fails, throws or hangs keeps another key from its
// probe, and nothing is asked that is known.
import { keyCheckValue, keyFromBytes, KeyholdError } from '@keyhold/core'
import type { KeyObject } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { startKeyProber, type KeyProberOptions } from '../../src/health/key-prober.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { addKeys } from './many-keys.ts'
import { resign } from '../../../testkit/src/database/resign.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let database: TestStores
let close: (() => Promise<void>) | undefined
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  database = await postgres.createStores()
})
afterEach(async () => {
  await close?.()
  close = undefined
})

const disabled = () => ({ error: new KeyholdError('ERR_KMS_KEY_DISABLED') })
const waits = { timeout: 20_000 }
const region = 'eu-west-1'

function start(
  answer: (tenantId: string) => { key: KeyObject } | { error: KeyholdError } | Promise<never>,
  options: Partial<KeyProberOptions> = {},
) {
  const asked: string[] = []
  const looked: string[] = []
  const denials: string[] = []
  const outcomes = new Map<string, number>()
  close = startKeyProber({
    store: database.store,
    recorder: { probed: () => Promise.resolve(undefined), answeredAgeMs: () => undefined },
    askRegions: async (_keyArn, _wrapped, { tenantId }) => {
      asked.push(tenantId)
      return [{ region, outcome: await answer(tenantId) }]
    },
    lookAtKey: (keyArn, _tenantId, { regions }) => {
      looked.push(keyArn)
      return Promise.resolve(regions.map((each) => ({ region: each, state: { kind: 'usable' } })))
    },
    evict: () => undefined,
    onDenial: (code, { tenantId }) => denials.push(`${tenantId} ${code}`),
    checkAlias: () => Promise.resolve(),
    healthySeconds: 50,
    confirmSeconds: 0.2,
    perSecond: () => 2_000,
    roundMs: 10,
    onProbed: (outcome) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1),
    onError: () => undefined,
    clock: () => performance.now(),
    ...options,
  })
  return { asked, looked, denials, outcomes }
}

/** The key that opens the stored tenant keys of these tenants. */
async function addKeyOf(prefix: string): Promise<KeyObject> {
  const key = keyFromBytes(Buffer.alloc(32, 7))
  const rows = await database.query('select tenant_id, id from keyhold.tenant_keys where tenant_id like $1', [
    `${prefix}%`,
  ])
  for (const { tenant_id: tenantId, id } of rows) {
    const value = keyCheckValue({ tenantId: String(tenantId), id: String(id), version: 1, key })
    await database.query('update keyhold.tenant_keys set key_check_value = $1 where tenant_id = $2', [
      value,
      tenantId,
    ])
  }
  await resign(database.db)
  return key
}

test('240 keys whose probes throw and 100 that hang do not keep a disabled one from its probe, and come back later', async () => {
  await addKeys(database, { prefix: 'throwing', count: 240, dueSeconds: -9_000 })
  await addKeys(database, { prefix: 'hanging', count: 100, dueSeconds: -9_000, urgency: 1 })
  await addKeys(database, { prefix: 'disabled', count: 1, dueSeconds: -10 })
  const hanging = Promise.withResolvers<never>()
  const { asked, denials, outcomes } = start((tenantId) => {
    if (tenantId.startsWith('throwing')) throw new TypeError('a damaged row')
    return tenantId.startsWith('hanging') ? hanging.promise : disabled()
  })
  await expect.poll(() => asked.includes('disabled1'), waits).toBe(true)
  await expect.poll(() => outcomes.get('failed'), waits).toBe(240)
  expect(denials).toEqual(['disabled1 ERR_KMS_KEY_DISABLED'])
  expect(asked.filter((tenantId) => tenantId.startsWith('hanging')).length).toBe(16)
  hanging.reject(new TypeError('over'))
  await close?.()
  close = undefined
  const [planned] = await database.query(
    `select count(*)::int as count, min(failures) as failures, min(due_at) > now() + interval '5 seconds' as is_later,
       max(urgency) as urgency
     from keyhold.key_probes where tenant_id like 'throwing%'`,
  )
  expect(planned).toEqual({ count: 240, failures: 1, is_later: true, urgency: 1 })
})

slowTest('what throws again and again comes later each time, up to ten minutes', async () => {
  await addKeys(database, { prefix: 'throwing', count: 2, dueSeconds: -100 })
  await database.query(
    "update keyhold.key_probes set failures = case tenant_id when 'throwing1' then 3 else 1000 end",
  )
  const { outcomes } = start(() => {
    throw new TypeError('no')
  })
  await expect.poll(() => outcomes.get('failed'), waits).toBe(2)
  await close?.()
  close = undefined
  const rows = await database.query(
    'select failures, extract(epoch from due_at - now())::float8 as seconds from keyhold.key_probes order by tenant_id',
  )
  expect(rows.map(({ failures }) => failures)).toEqual([4, 1_001])
  expect(Number(rows[0]?.seconds)).toBeGreaterThan(60)
  expect(Number(rows[0]?.seconds)).toBeLessThanOrEqual(80)
  expect(Number(rows[1]?.seconds)).toBeLessThanOrEqual(600)
})

slowTest(
  'a key that traffic or another replica has just asked for is not asked for, and its next probe keeps the time',
  async () => {
    await addKeys(database, { prefix: 'traffic', count: 1, dueSeconds: -10, answeredSecondsAgo: 1_000 })
    await addKeys(database, { prefix: 'written', count: 1, dueSeconds: -10, answeredSecondsAgo: 20 })
    await addKeys(database, { prefix: 'old', count: 1, dueSeconds: -10, answeredSecondsAgo: 40 })
    await addKeys(database, {
      prefix: 'hastened',
      count: 1,
      dueSeconds: -10,
      answeredSecondsAgo: 1,
      urgency: 0,
    })
    const key = await addKeyOf('')
    const { asked, looked, outcomes } = start(() => ({ key }), {
      recorder: {
        probed: () => Promise.resolve(undefined),
        answeredAgeMs: ({ tenantId }) => (tenantId === 'traffic1' ? 45_000 : undefined),
      },
    })
    await expect.poll(() => outcomes.get('proven'), waits).toBe(2)
    await expect.poll(() => outcomes.get('answered'), waits).toBe(2)
    expect(asked.toSorted()).toEqual(['hastened1', 'old1'])
    // Neither traffic nor what another replica has written tells the state of a key.
    expect(new Set(looked).size).toBe(4)
    await close?.()
    close = undefined
    const rows = await database.query(
      `select tenant_id, extract(epoch from due_at - now())::float8 as seconds from keyhold.key_probes order by tenant_id`,
    )
    const seconds = new Map(rows.map((row) => [row.tenant_id, Number(row.seconds)]))
    // 57.5 less 45 for what traffic asks again by itself, and 50 less 20.
    expect(seconds.get('traffic1')).toBeLessThanOrEqual(12.5)
    expect(seconds.get('written1')).toBeLessThanOrEqual(30)
    expect(seconds.get('old1')).toBeGreaterThan(40)
  },
)

slowTest(
  'one probe is enough for tenants under one KEK whose policy admits all of them, and not with roles of their own',
  async () => {
    const all = { count: 20, dueSeconds: -100, isShared: true, answeredSecondsAgo: 60 }
    await addKeys(database, { prefix: 'shared', ...all })
    const key = await addKeyOf('shared')
    const first = start(() => ({ key }))
    await expect.poll(() => first.outcomes.get('proven'), waits).toBe(19)
    expect([first.asked.length, first.looked.length]).toEqual([1, 1])
    await close?.()
    await addKeys(database, { prefix: 'roles', ...all, roleArn: 'arn:aws:iam::222222222222:role/keyhold' })
    const roles = await addKeyOf('roles')
    const second = start(() => ({ key: roles }))
    // Each is asked for, once at least: meanwhile others fall due.
    const askedOf = () => new Set(second.asked.filter((tenantId) => tenantId.startsWith('roles'))).size
    await expect.poll(askedOf, waits).toBe(20)
    expect(second.outcomes.get('proven')).toBeUndefined()
  },
)

test('when a shared KEK is disabled, all tenants under it are probed at once', async () => {
  await addKeys(database, {
    prefix: 'key',
    count: 5,
    dueSeconds: 5_000,
    isShared: true,
    answeredSecondsAgo: 10,
  })
  await database.query("update keyhold.key_probes set due_at = now() where tenant_id = 'key1'")
  await database.query("update keyhold.key_health set checked_at = now() - interval '1 hour'")
  const { asked, denials } = start(disabled, {
    recorder: {
      answeredAgeMs: () => undefined,
      probed: async ({ tenantId }) => {
        const { rowCount } = {
          rowCount: (
            await database.query(
              "update keyhold.key_health set state = 'disabled', code = 'X' where tenant_id = $1 and state = 'healthy' returning 1",
              [tenantId],
            )
          ).length,
        }
        const transition = {
          tenantId,
          fingerprint: '',
          region,
          from: 'healthy',
          to: 'disabled',
          code: 'ERR_KMS_KEY_DISABLED',
        } as const
        return rowCount > 0 ? transition : undefined
      },
    },
  })
  await expect.poll(() => asked.toSorted(), waits).toEqual(['key1', 'key2', 'key3', 'key4', 'key5'])
  const expected = asked.toSorted().map((tenantId) => `${tenantId} ERR_KMS_KEY_DISABLED`)
  // Each is told once its refusal is written.
  await expect.poll(() => denials.toSorted(), waits).toEqual(expected)
})

slowTest('a policy that refuses one tenant alone brings no probe of another one forward', async () => {
  await addKeys(database, {
    prefix: 'key',
    count: 3,
    dueSeconds: 5_000,
    isShared: true,
    answeredSecondsAgo: 10,
  })
  await database.query('update keyhold.key_providers set inspection = null')
  await database.query("update keyhold.key_probes set due_at = now() where tenant_id = 'key1'")
  await database.query("update keyhold.key_health set checked_at = now() - interval '1 hour'")
  const { asked, outcomes } = start(() => ({ error: new KeyholdError('ERR_KMS_DENIED') }), {
    recorder: {
      answeredAgeMs: () => undefined,
      probed: ({ tenantId }) =>
        Promise.resolve({
          ...{ tenantId, fingerprint: '', region, from: 'healthy', to: 'denied', code: 'ERR_KMS_DENIED' },
        } as const),
    },
  })
  await expect.poll(() => outcomes.get('answered'), waits).toBe(1)
  expect(asked).toEqual(['key1'])
  expect(await database.query('select from keyhold.key_probes where urgency = 0')).toEqual([])
})
