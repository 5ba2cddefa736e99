// Lies of the database about the keys that have signed: no row that somebody else wrote makes a key, and what a replica knows stays known.
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { claimSigningKey } from '../../src/installation/claim-signing-key.ts'
import { rotationStatement } from '../../src/installation/signing-keys/rotation-statement.ts'
import { signJws, type SigningKey } from '../../src/kms/signing-key.ts'
import { createRowMacs } from '../../src/store/authentic/row-macs.ts'
import { signRows } from '../../src/store/authentic/sign-rows.ts'
import type { Store } from '../../src/store/store.ts'
import { findFaults } from '../../src/wiring/commands/examine-integrity.ts'
import { codeOf, crypto, openKeys, rootKey, rotateIn, signIn } from './keys-under-test.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())

const attacker = generateKeyPairSync('ed25519')
const der = attacker.publicKey.export({ type: 'spki', format: 'der' })
const by = { ...crypto.readPublicKey(der), privateKey: attacker.privateKey } as SigningKey
const lie = signJws(by, { some: 'lie' })
// One database for all lies: the rows are put back before each.
let scene: TestStores
let replicas: { requiresMacs: boolean; store: Store }[]
beforeAll(async () => {
  scene = await postgres.createStores()
  await claimSigningKey(scene.store, false, crypto.create)
  await rotateIn(scene.store)
  await rotateIn(scene.store)
  await scene.query('create table public.kept as table keyhold.former_signing_keys')
  replicas = [
    { requiresMacs: true, store: await postgres.openStore(scene.connection) },
    { requiresMacs: false, store: await postgres.openStoreBeforeAdoption(scene.connection) },
  ]
})
beforeEach(async () => {
  await scene.query('delete from keyhold.former_signing_keys')
  await scene.query('insert into keyhold.former_signing_keys select * from public.kept')
})

/** A row of the attacker's key in the place of the oldest one, with what he can sign himself. */
async function plant(statementsOf: 'himself' | 'the true key', number = 1): Promise<void> {
  const [installation] = await scene.query('select id from keyhold.installation')
  const [own, row] = await scene.query('select * from keyhold.former_signing_keys order by number')
  const successor = crypto.readPublicKey(row?.public_key as Buffer)
  if (successor === undefined) throw new Error('no key')
  const at = row?.valid_from as Date
  const words = {
    ...rotationStatement({ installationId: String(installation?.id), number, replaced: by, successor, at }),
  }
  const statements =
    statementsOf === 'himself'
      ? [signJws(by, words), signJws({ ...by, id: successor.id }, words)]
      : [own?.statement, own?.counterstatement]
  await scene.query('delete from keyhold.former_signing_keys where number = 1')
  await scene.query('insert into keyhold.former_signing_keys values ($1, $2, $3, $4, $5, $6, $7, $8, $9)', [
    number,
    by.id,
    der,
    own?.valid_from,
    at,
    successor.id,
    ...statements,
    own?.mac,
  ])
}

const change = (set: string) => () =>
  scene.query(`update keyhold.former_signing_keys set ${set} where number = 1`)
const attackersKey = `public_key = decode('${der.toString('hex')}', 'hex')`

async function signAsClone(): Promise<void> {
  await change(attackersKey)()
  const macs = createRowMacs()
  const ring = { rootKeyId: rootKey.id, rootKey: rootKey.key, installationId: randomUUID() }
  macs.open({ ...ring, requiresMacs: true })
  await scene.db
    .transaction()
    .execute((transaction) => signRows(transaction, macs, 'formerSigningKey', sql`true`))
}

const attacks: [string, () => Promise<unknown>][] = [
  ['a planted old key, with statements of its own', () => plant('himself')],
  ['a planted old key, with the statements about another one', () => plant('the true key')],
  ['a planted key of another number', () => plant('himself', 7)],
  ['the public key of another row', change(attackersKey)],
  ['the public key of another row, and its name', change(`${attackersKey}, id = '${by.id}'`)],
  ['a row that a clone has signed', signAsClone],
  ['exchanged statements', change('statement = counterstatement, counterstatement = statement')],
  ['another statement', change(`statement = 'e30.e30.e30'`)],
  ['another counterstatement', change(`counterstatement = 'e30.e30.e30'`)],
  ['another time', change(`valid_to = valid_to + interval '1 year'`)],
  ['no MAC', change('mac = null')],
  ['another number', change('number = 5')],
  ['no row of the oldest key', () => scene.query('delete from keyhold.former_signing_keys where number = 1')],
  [
    'no row of the newest former key',
    () => scene.query('delete from keyhold.former_signing_keys where number = 2'),
  ],
  ['no row at all', () => scene.query('delete from keyhold.former_signing_keys')],
]

test.each(attacks)(
  '%s: nothing of the attacker verifies, and what was known stays known',
  async (name, attack) => {
    const knowing = await openKeys(scene.store)
    const [oldest = '', ...newer] = knowing.ids()
    expect(newer).toHaveLength(2)
    await attack()
    await knowing.refresh()
    expect(knowing.ids()).toEqual([oldest, ...newer])
    for (const { store, requiresMacs } of replicas) {
      const keys = await openKeys(store)
      for (const each of [knowing, keys]) {
        expect(each.readOwn(lie)).toBeUndefined()
        expect(await codeOf(each.openRecord(lie, () => true))).toBe('ERR_RECORD_NOT_AUTHENTIC')
        expect(each.ids()).not.toContain(by.id)
        const x = each.publicKeys().keys.map((key) => key.x)
        expect(x).not.toContain(by.publicKey.export({ format: 'jwk' }).x)
      }
      // A row without its MAC is used before the adoption: what the keys themselves have signed still holds.
      const isHarmless = name === 'no MAC' && !requiresMacs
      expect(keys.ids().includes(oldest)).toBe(isHarmless)
      // Without any row only the audit trail tells that there were some.
      const isTold = !isHarmless && name !== 'no row at all'
      expect(keys.broken() > 0).toBe(isTold)
      if (isTold) expect(await codeOf(rotateIn(store))).toBe('ERR_SIGNING_KEY_ROTATION')
    }
  },
)

test('of former keys whose rows are gone the audit trail still tells', async () => {
  expect(await findFaults(scene.connection)).toEqual([])
  const [row] = await scene.query('delete from keyhold.former_signing_keys returning successor_id as id')
  const faults = await findFaults(scene.connection)
  expect(faults.map(({ code }) => code)).toEqual(['RECORD_OF_NOTHING', 'RECORD_OF_NOTHING'])
  expect(faults.map(({ id }) => id)).toContain(row?.id)
})

describe('a fresh database', () => {
  let stores: TestStores
  beforeEach(async () => {
    stores = await postgres.createStores()
    await claimSigningKey(stores.store, false, crypto.create)
  })

  test('a replica keeps the keys that it knows when it learns of a newer one, though their rows are gone', async () => {
    await rotateIn(stores.store)
    const keys = await openKeys(stores.store)
    const known = keys.ids()
    expect(known).toHaveLength(2)
    const { successorId } = await rotateIn(stores.store)
    await stores.query('delete from keyhold.former_signing_keys where number = 1')
    const jws = await signIn(stores.store, keys)
    expect(keys.ids()).toEqual([...known, successorId])
    expect(keys.publicKeys().rotations?.map(({ number }) => number)).toEqual([1, 2])
    expect(keys.readOwn(jws)).toEqual({ some: 'words' })
    // One that knows nothing has what is left, and says so.
    const fresh = await openKeys(stores.otherStore)
    expect([fresh.ids(), fresh.broken()]).toEqual([[known[1], successorId], 1])
  })

  test('the row of the installation from before a rotation signs nothing, on any replica', async () => {
    const { store, otherStore } = stores
    await stores.query('create table public.older as table keyhold.installation')
    const keys = await openKeys(store)
    await rotateIn(otherStore)
    await keys.refresh()
    await stores.query('delete from keyhold.installation')
    await stores.query('insert into keyhold.installation select * from public.older')
    expect(await codeOf(signIn(store, keys))).toBe('ERR_RECORD_NOT_AUTHENTIC')
    // One that remembers nothing is told by the row of the key that was replaced.
    const fresh = await postgres.openStore(stores.connection)
    expect(await codeOf(openKeys(fresh))).toBe('ERR_RECORD_NOT_AUTHENTIC')
    expect(await codeOf(signIn(fresh, keys))).toBe('ERR_RECORD_NOT_AUTHENTIC')
  })
})
