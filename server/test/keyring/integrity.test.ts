// Whoever can write into the database can destroy keys, but never make Keyhold use a wrong one: each stored value is
// bound to its place, so that whatever is changed or swapped gives an error or still the right key.
import {
  generateKey,
  isKeyholdError,
  keyCheckValue,
  keyFromBytes,
  wrapDataKey,
  type DataKey,
  type ErrorCode,
} from '@keyhold/core'
import { sql as query } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'
import { newId } from '../../src/keyring/new-id.ts'
import { createRowMacs, type RowMacs } from '../../src/store/authentic/row-macs.ts'
import { openDatabaseClock } from '../../src/store/database-clock.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { createCountingKms, createKeyring, createTenant, moveToNewTenantKey } from './keyring-under-test.ts'

const tenantIds = ['tenant-1', 'tenant-2']
const kms = createCountingKms()
const [mine, other] = kms.arns

let postgres: TestPostgres
let database: TestStores
let store: Store
// `first` is of tenant-1; `second` as well, but under another tenant key version and of another version itself;
// `foreign` is like `second`, of tenant-2.
let first: DataKey
let second: DataKey
let foreign: DataKey

const sql = async (statement: string) =>
  (await query.raw<Record<string, unknown>>(statement).execute(database.db)).rows

function withoutMacs(): RowMacs {
  const macs = createRowMacs()
  macs.open({
    rootKeyId: '7e57'.repeat(4),
    rootKey: keyFromBytes(Buffer.alloc(32, 7)),
    installationId: '00000000-0000-4000-8000-000000000000',
    requiresMacs: false,
  })
  return macs
}

/** A data key of version 2, as it would be after a rotation, under the tenant's second version. */
async function makeRotated(tenantId: string, keyName: string): Promise<DataKey> {
  await moveToNewTenantKey(store, kms, other, tenantId)
  const wrapping = await createKeyring(store, kms).tenantKeys.get(tenantId, 2)
  if (wrapping === undefined) throw new Error('no tenant key')
  const dataKey = { tenantId, id: newId(new Date()), version: 2, key: generateKey() }
  const facts = { keyName, createdAtMs: Date.now() }
  await store.cipherkeys.insertActive({
    ...facts,
    tenantId,
    dataKeyId: dataKey.id,
    version: dataKey.version,
    tenantKeyVersion: 2,
    wrapped: wrapDataKey(wrapping.tenantKey, dataKey, facts),
    keyCheckValue: keyCheckValue(dataKey),
  })
  return dataKey
}

beforeAll(async () => {
  postgres = await openTestPostgres()
  database = await postgres.createStores()
  // As before the adoption of MACs, which are the first line: what stands here is behind them.
  store = createStore(database.db, await openDatabaseClock(database.db), { macs: withoutMacs() })
  const keyring = createKeyring(store, kms)
  for (const tenantId of tenantIds) await createTenant(store, kms, tenantId, mine)
  first = await keyring.dataKeys.getActive('tenant-1', 'first')
  second = await makeRotated('tenant-1', 'second')
  foreign = await makeRotated('tenant-2', 'foreign')
  // Whoever changes rows by hand can remove what guards them.
  await sql('alter table keyhold.cipherkeys disable trigger user')
  await sql('create table public.kept_keys as select * from keyhold.cipherkeys')
  await sql('create table public.kept_tenant_keys as select * from keyhold.tenant_keys')
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  await sql(`delete from keyhold.cipherkeys; delete from keyhold.tenant_keys;
    insert into keyhold.tenant_keys select * from public.kept_tenant_keys;
    insert into keyhold.cipherkeys select * from public.kept_keys`)
})

const known = () => [first, second, foreign]

interface Outcomes {
  right: number
  failed: ErrorCode[]
}

/** Reads every data key that the rows could be taken for; a key that is not the one first stored there is an error. */
async function readAll(): Promise<Outcomes> {
  const { dataKeys } = createKeyring(store, kms)
  const outcomes: Outcomes = { right: 0, failed: [] }
  const check = async (asked: Promise<DataKey | undefined>, isRight: (key: DataKey) => boolean) => {
    try {
      const key = await asked
      if (key === undefined) return
      if (!isRight(key)) throw new Error(`a wrong key came out for ${key.tenantId}/${key.id}/${key.version}`)
      outcomes.right++
    } catch (error) {
      if (!isKeyholdError(error)) throw error
      outcomes.failed.push(error.code)
    }
  }
  const isStoredAs = (key: DataKey, tenantId: string, id: string, version: number) =>
    known().some(
      (each) =>
        each.tenantId === tenantId && each.id === id && each.version === version && each.key.equals(key.key),
    )
  for (const tenantId of tenantIds) {
    for (const { id } of known()) {
      for (const version of [1, 2]) {
        await check(dataKeys.get(tenantId, id, version), (key) => isStoredAs(key, tenantId, id, version))
      }
    }
  }
  for (const [keyName, expected] of [
    ['first', first],
    ['second', second],
  ] as const) {
    // A name may lead to another of the tenant's own keys, never to a wrong one.
    await check(dataKeys.getActive('tenant-1', keyName), (key) =>
      isStoredAs(key, expected.tenantId, key.id, key.version),
    )
  }
  return outcomes
}

/** Each alone, all together, and some or all of what lies between. */
function subsets<Item>(items: readonly Item[]): Item[][] {
  const all = items.reduce<Item[][]>((sets, item) => [...sets, ...sets.map((set) => [...set, item])], [[]])
  const isEnd = ({ length }: Item[]) => length === 1 || length === items.length
  const between = all.filter((set) => set.length > 0 && !isEnd(set))
  return [...all.filter(isEnd), ...doseOf(between, 15)]
}

test('untouched, all keys are right', async () => {
  expect(await readAll()).toEqual({ right: 5, failed: [] })
})

const rows = {
  'two rows of one tenant': () => [first, second],
  'rows of two tenants': () => [first, foreign],
} as const
const columns = ['wrapped', 'key_check_value', 'data_key_id', 'version', 'tenant_key_version'] as const

test.each(Object.entries(rows))(
  'whichever columns of %s change places, no wrong key comes out, and what is damaged is said to be',
  async (_, pair) => {
    const [a, b] = pair()
    if (a === undefined || b === undefined) throw new Error('two rows')
    const outcomes = new Map<string, Outcomes>()
    const sets = subsets(columns)
    for (const set of sets) {
      const swapped = columns.map((column) => (set.includes(column) ? `y.${column}` : `x.${column}`))
      const target =
        'r.tenant_id, r.data_key_id, r.version, r.key_name, r.state, r.tenant_key_version, r.wrapped, r.key_check_value, r.created_at'
      await sql(`
        delete from keyhold.cipherkeys;
        insert into keyhold.cipherkeys
        select ${target} from (
          select x.tenant_id, x.key_name, x.state, x.created_at,
            ${columns.map((column, index) => `${swapped[index] ?? ''} as ${column}`).join(', ')}
          from public.kept_keys x join public.kept_keys y on x.ctid <> y.ctid
          where x.data_key_id in ('${a.id}', '${b.id}') and y.data_key_id in ('${a.id}', '${b.id}')
          union all
          select tenant_id, key_name, state, created_at, ${columns.join(', ')}
          from public.kept_keys where data_key_id not in ('${a.id}', '${b.id}')
        ) r`)
      outcomes.set(set.join(', '), await readAll())
    }
    expect(outcomes.size).toBe(sets.length)
    expect(sets.length).toBeGreaterThan(columns.length)
    const all = columns.join(', ')
    for (const [set, outcome] of outcomes) {
      // Two whole rows of one tenant in each other's place are the same rows.
      if (set === all && a.tenantId === b.tenantId) expect(outcome, set).toEqual({ right: 5, failed: [] })
      else expect(outcome.right, set).toBeLessThan(5)
      expect(
        outcome.failed.filter((code) => code !== 'ERR_KEY_INTEGRITY'),
        set,
      ).toEqual([])
    }
  },
)

const tenantKeyPairs = {
  'two versions of one tenant': `(tenant_id = 'tenant-1')`,
  'the first versions of two tenants': `(version = 1)`,
} as const
const tenantKeyColumns = ['id', 'wrapped', 'key_check_value', 'key_arn'] as const

test.each(Object.entries(tenantKeyPairs))(
  'whichever columns of the tenant keys of %s change places, no wrong key comes out',
  async (_, condition) => {
    for (const set of subsets(tenantKeyColumns)) {
      await sql(`
        create temporary table swapped on commit drop as
          select x.tenant_id, x.version, ${set.map((column) => `y.${column}`).join(', ')}
          from public.kept_tenant_keys x join public.kept_tenant_keys y on x.ctid <> y.ctid
          where ${condition.replaceAll(/(tenant_id|version)/g, 'x.$1')}
            and ${condition.replaceAll(/(tenant_id|version)/g, 'y.$1')};
        update keyhold.tenant_keys set id = gen_random_uuid();
        update keyhold.tenant_keys t set id = k.id, wrapped = k.wrapped, key_check_value = k.key_check_value,
          key_arn = k.key_arn from public.kept_tenant_keys k
          where (t.tenant_id, t.version) = (k.tenant_id, k.version) and not ${condition.replaceAll(/(tenant_id|version)/g, 'k.$1')};
        update keyhold.tenant_keys t set
          ${tenantKeyColumns.map((column) => `${column} = ${set.includes(column) ? 's' : 'k'}.${column}`).join(', ')}
          from public.kept_tenant_keys k join swapped s using (tenant_id, version)
          where (t.tenant_id, t.version) = (k.tenant_id, k.version)`)
      const { right, failed } = await readAll()
      // The two versions of one tenant are under two KEKs; the first versions of two tenants are under one.
      const isNoChange =
        set.join() === 'key_arn' && condition === tenantKeyPairs['the first versions of two tenants']
      if (isNoChange) expect(right).toBe(5)
      else expect(failed.length, set.join()).toBeGreaterThan(0)
    }
  },
)

async function flipBits(
  table: 'cipherkeys' | 'tenant_keys',
  column: 'wrapped' | 'key_check_value',
  condition: string,
): Promise<Set<string>> {
  const name = `keyhold.${table}`
  const [row] = await sql(`select length(${column}) as bytes from ${name} where ${condition}`)
  const codes = new Set<string>()
  // The gate takes every sixteenth one.
  for (const byte of doseOf([...Array(Number(row?.bytes)).keys()], 16)) {
    const flip = `update ${name} set ${column} = set_bit(${column}, ${byte * 8 + (byte % 8)},
      1 - get_bit(${column}, ${byte * 8 + (byte % 8)})) where ${condition}`
    await sql(flip)
    const asked = createKeyring(store, kms).dataKeys.get('tenant-1', first.id, first.version)
    codes.add(
      await asked.then(
        () => `a key came out with byte ${byte} changed`,
        (error: unknown) => (isKeyholdError(error) ? error.code : String(error)),
      ),
    )
    await sql(flip)
  }
  return codes
}

test.each([
  ['cipherkeys', 'wrapped', 'ERR_KEY_INTEGRITY'],
  ['cipherkeys', 'key_check_value', 'ERR_KEY_INTEGRITY'],
  ['tenant_keys', 'wrapped', 'ERR_KMS_INVALID_CIPHERTEXT'],
  ['tenant_keys', 'key_check_value', 'ERR_KEY_INTEGRITY'],
] as const)('a bit changed in any byte of %s.%s is found: %s', async (table, column, code) => {
  const condition =
    table === 'cipherkeys' ? `data_key_id = '${first.id}'` : `tenant_id = 'tenant-1' and version = 1`
  expect(await flipBits(table, column, condition)).toEqual(new Set([code]))
})

slowTest.each(['\\x', '\\x00', `\\x${'00'.repeat(136)}`, `\\x${'ff'.repeat(5_000)}`])(
  'bytes that are no wrap at all are found',
  async (bytes) => {
    await sql(`update keyhold.cipherkeys set wrapped = '${bytes}'`)
    const asked = createKeyring(store, kms).dataKeys.get('tenant-1', first.id, first.version)
    await expect(asked).rejects.toMatchObject({ code: 'ERR_KEY_INTEGRITY' })
  },
)

test('a damaged cipherkey leaves the tenant’s other data keys usable', async () => {
  await sql(`update keyhold.cipherkeys set wrapped = '\\x00' where data_key_id = '${first.id}'`)
  expect(await readAll()).toEqual({ right: 3, failed: ['ERR_KEY_INTEGRITY', 'ERR_KEY_INTEGRITY'] })
})
