// A first start may end before it has stored the signing key. What can be done with the database then is no sign of a key that
// was lost.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { createApiKey } from '../../src/access/create-api-key.ts'
import { claimSigningKey } from '../../src/installation/claim-signing-key.ts'
import { keepIssuerKeys, revokeIssuerKeys } from '../../src/installation/issuer-keys/make-issuer-keys.ts'
import { commandActor } from '../../src/store/audits.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  stores = await postgres.createStores()
  await stores.store.installation.claimRootKey({
    installationId: randomUUID(),
    rootKeyId: 'a-root-key',
    keyCheckValue: Buffer.alloc(32),
  })
})

const made = { id: 'a-kid', publicKey: Buffer.from('public'), privateKeyWrapped: Buffer.from('wrapped') }
const claim = () => claimSigningKey(stores.store, false, () => made)
const createOperatorKey = () =>
  createApiKey(stores.store, { role: 'operator', tenantId: undefined, name: 'first' }, commandActor)

test('the first key is made also after the command has made operators', async () => {
  await createOperatorKey()
  await createOperatorKey()
  expect(await claim()).toEqual(made)
})

test('the first key is made also after those of the issuer, which a start and the command make before it', async () => {
  let count = 0
  const create = () => Promise.resolve({ id: `issuer-${count++}`, privateKeyWrapped: Buffer.alloc(40) })
  const parts = { store: stores.store, crypto: { create } }
  expect(await keepIssuerKeys(parts)).toBe(true)
  await revokeIssuerKeys(parts, commandActor)
  expect(await claim()).toEqual(made)
})

test.each([
  [
    'something else is recorded',
    async (id: string) => {
      const request = { role: 'operator', tenantId: undefined, name: 'second' } as const
      await createApiKey(stores.store, request, { id, role: 'operator' })
    },
  ],
  ['records are gone', () => stores.query("update keyhold.audit_heads set sequence = 2 where chain = ''")],
])('none is made where %s', async (_, spoil) => {
  const { row } = await createOperatorKey()
  await spoil(row.id)
  await expect(claim()).rejects.toMatchObject({ code: 'ERR_SIGNING_KEY_MISSING' })
  expect(await stores.store.installation.findSigningKey()).toBeUndefined()
})
