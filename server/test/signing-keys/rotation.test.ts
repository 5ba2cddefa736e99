// The rotation of the signing key, as one transaction: as a whole or not at all, once of two, and never beside a signature with the
// old key.
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { createCheckpoints } from '../../src/installation/checkpoint-rounds.ts'
import { claimSigningKey } from '../../src/installation/claim-signing-key.ts'
import type { RotationParts } from '../../src/installation/signing-keys/rotate-signing-key.ts'
import { keptSigningKeys } from '../../src/installation/signing-keys/kept-signing-keys.ts'
import type { PublicSigningKeys } from '../../src/installation/signing-keys/public-signing-keys.ts'
import type { SigningKey } from '../../src/kms/signing-key.ts'
import { commandActor } from '../../src/store/audits.ts'
import type { Store } from '../../src/store/store.ts'
import {
  codeOf,
  crypto,
  currentIdIn,
  openKeys as openKeysOf,
  rotateIn,
  signIn,
  type KeysUnderTest,
  type Pinned,
} from './keys-under-test.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let stores: TestStores
let firstId: string
beforeAll(async () => {
  postgres = await openTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  stores = await postgres.createStores()
  firstId = (await claimSigningKey(stores.store, false, crypto.create)).id
})

const openKeys = (store = stores.store, pinned?: Pinned) => openKeysOf(store, pinned)
const currentId = () => currentIdIn(stores.store)
const rotate = (...args: [expected?: string, parts?: Partial<RotationParts<SigningKey>>]) =>
  rotateIn(stores.store, ...args)
const sign = (keys: KeysUnderTest, store = stores.store) => signIn(store, keys)
const rows = () =>
  stores.query(`select i.signing_key_id, i.signing_private_key_wrapped, i.generation, i.mac,
    (select count(*)::int from keyhold.former_signing_keys) as former,
    (select count(*)::int from keyhold.audits where action = 'signingkey.rotate') as told,
    (select count(*)::int from keyhold.changes) as changes from keyhold.installation i`)

test('the new key signs, the old one verifies, and its private half is gone', async () => {
  const keys = await openKeys()
  const old = await sign(keys)
  const [before] = await rows()
  const former = await rotate()
  expect(former).toMatchObject({ number: 1, id: firstId, successorId: await currentId() })
  expect(keys.ids()).toEqual([firstId])

  const signed = await sign(keys)
  expect(keys.ids()).toEqual([firstId, former.successorId])
  expect(keys.learned).toEqual([[firstId], [firstId, former.successorId]])
  expect([keys.readOwn(old), keys.readOwn(signed)]).toEqual([{ some: 'words' }, { some: 'words' }])
  const [one, two] = keys.publicKeys().keys
  expect([one?.validTo, two?.validFrom, two?.validTo]).toEqual([
    former.validTo.toISOString(),
    former.validTo.toISOString(),
    undefined,
  ])
  expect(await rows()).toMatchObject([{ former: 1, told: 1 }])
  const dump = await stores.query(
    'select (select string_agg(i::text, $1) from keyhold.installation i) || (select string_agg(f::text, $1) from keyhold.former_signing_keys f) as text',
    [' '],
  )
  const { signing_private_key_wrapped: oldWrapped } = before ?? {}
  const wrapped = Buffer.isBuffer(oldWrapped) ? oldWrapped.toString('hex') : ''
  expect(wrapped).not.toBe('')
  expect(String(dump[0]?.text)).not.toContain(wrapped)

  // The trail has what both keys have signed.
  const [record] = await stores.store.audits.list(undefined, { after: 0, limit: 1 })
  expect(record).toMatchObject({
    action: 'signingkey.rotate',
    targetKind: 'signing-key',
    targetId: former.successorId,
    actorId: 'command',
    details: {
      number: '1',
      replaces: firstId,
      statement: former.statement,
      counterstatement: former.counterstatement,
    },
  })
  expect(keys.readOwn(former.statement)).toMatchObject({
    ...{ type: 'keyhold/signing-key-rotation/1', number: 1, rotatedAt: former.validTo.toISOString() },
    ...{ replaced: { kid: firstId, x: one?.x }, successor: { kid: former.successorId, x: two?.x } },
  })
  expect(keys.readOwn(former.counterstatement)).toEqual(keys.readOwn(former.statement))
})

test('of two rotations at once one is done, and the other is told', async () => {
  const outcomes = await Promise.all([
    codeOf(rotate(firstId)),
    codeOf(rotate(firstId, { store: stores.otherStore })),
  ])
  expect(outcomes.toSorted()).toEqual(['ERR_SIGNING_KEY_ROTATION', 'done'])
  expect(await rows()).toMatchObject([{ former: 1, told: 1 }])
})

test.each(['held', 'replaced', 'recorded'] as const)(
  'a rotation that loses its connection at "%s" has changed nothing, and the next one is done',
  async (at) => {
    const before = await rows()
    const cut = rotate(undefined, {
      onStep: async (step) => {
        if (step === at)
          await stores.query(`select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and state = 'idle in transaction'`)
      },
    })
    expect(await codeOf(cut)).not.toBe('done')
    expect(await rows()).toEqual(before)
    const keys = await openKeys(stores.otherStore)
    expect(keys.ids()).toEqual([firstId])
    await rotate()
    await sign(keys, stores.otherStore)
    expect(keys.ids()).toHaveLength(2)
  },
)

slowTest(
  'a rotation waits for who signs, and whoever signs afterwards does it with the new key',
  async () => {
    const keys = await openKeys()
    const waits = async () =>
      (
        await stores.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
      ).length
    let rotation = Promise.resolve('')
    let order = ''
    const old = await stores.store.transaction(async (transaction) => {
      const signNow = await keys.holdSigner(transaction)
      rotation = codeOf(rotate(firstId, { store: stores.otherStore })).then((outcome) => {
        order += ' rotated'
        return outcome
      })
      await expect.poll(waits, { timeout: 20_000 }).toBe(1)
      order += 'signed'
      return signNow({ some: 'words' })
    })
    expect(await rotation).toBe('done')
    expect(order).toBe('signed rotated')
    expect(keys.readOwn(old)).toEqual({ some: 'words' })
    const kid = (jws: string) =>
      (JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid
    expect(kid(await sign(keys))).toBe(await currentId())
  },
)

slowTest('a record by a key of which a replica has not heard yet is opened', async () => {
  const keys = await openKeys()
  await rotate()
  const jws = await sign(await openKeys(stores.otherStore))
  expect(keys.isOwnKey(await currentId())).toBe(false)
  expect(await keys.openRecord(jws, () => true)).toEqual({ some: 'words' })
})

describe('the file of a replica', () => {
  let all: PublicSigningKeys
  beforeEach(async () => {
    await rotate()
    await rotate()
    all = (await openKeys()).publicKeys()
  })

  /** As this set of keys is read from a file. */
  async function pinnedOf(set: PublicSigningKeys): Promise<Pinned> {
    const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-keys-'))
    try {
      const kept = keptSigningKeys(folder)
      await kept.keep(set)
      const found = await kept.find()
      return found && { ...found, file: kept.file }
    } finally {
      await rm(folder, { recursive: true })
    }
  }
  /** The file as it was when this many keys had signed. */
  const whenThereWere = (count: number): PublicSigningKeys => ({
    keys: all.keys.slice(0, count).map(({ validTo, ...key }, at) => ({
      ...key,
      ...(at < count - 1 && validTo !== undefined && { validTo }),
    })),
    rotations: all.rotations?.slice(0, count - 1) ?? [],
  })
  const kids = () => all.keys.map(({ kid }) => kid)

  test.each([1, 2, 3])('with %d of three keys it leads to the newest one', async (count) => {
    const keys = await openKeys(stores.store, await pinnedOf(whenThereWere(count)))
    expect(keys.publicKeys()).toEqual(all)
    expect(keys.broken()).toBe(0)
  })

  test('with a key that the known ones have not signed it leads nowhere', async () => {
    const [key] = whenThereWere(1).keys
    const [, other] = all.keys
    if (key === undefined || other === undefined) throw new Error('no keys')
    for (const lie of [
      { ...key, kid: 'another' },
      { ...key, x: other.x },
    ])
      expect(await codeOf(openKeys(stores.store, await pinnedOf({ keys: [lie] })))).toBe(
        'ERR_SIGNING_KEY_MISSING',
      )
  })

  slowTest('makes no key of one for which no later key vouches', async () => {
    const x = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x ?? ''
    const der = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }).export({
      ...{ type: 'spki', format: 'der' },
    })
    const [first, second, third] = all.keys
    const [one, two] = all.rotations ?? []
    if (first === undefined || second === undefined || third === undefined) throw new Error('no keys')
    if (one === undefined || two === undefined) throw new Error('no rotations')
    const another = { ...first, x, kid: crypto.readPublicKey(der)?.id ?? '' }
    // The rows are gone, so that the file alone knows of former keys.
    await stores.query('delete from keyhold.former_signing_keys')
    for (const [lie, ids] of [
      [{ keys: [another, third], rotations: [{ number: 1, statement: 'x', counterstatement: 'y' }] }, 1],
      [{ keys: [another, third], rotations: [{ ...two, number: 1 }] }, 1],
      [{ keys: [another, second, third], rotations: [one, two] }, 2],
      [{ keys: [first, { ...second, x }, third], rotations: [one, two] }, 1],
      [{ keys: [{ ...first, validTo: third.validFrom }, second, third], rotations: [one, two] }, 2],
    ] satisfies [PublicSigningKeys, number][]) {
      const keys = await openKeys(stores.store, await pinnedOf(lie))
      expect(keys.publicKeys().keys.map(({ kid, x: of }) => [kid, of])).toEqual(
        all.keys.slice(-ids).map(({ kid, x: of }) => [kid, of]),
      )
    }
  })

  test('is refused where it is no set of keys', async () => {
    const [first, second] = all.keys
    const [one] = all.rotations ?? []
    if (first === undefined || second === undefined || one === undefined) throw new Error('no keys')
    const lies = [
      { keys: [first, second], rotations: [{ ...one, statement: 1 }] },
      { keys: [{ ...first, validTo: 'never' }, second], rotations: [one] },
      { keys: [first, second] },
    ]
    for (const lie of lies)
      expect(await codeOf(pinnedOf(lie as PublicSigningKeys))).toBe('ERR_SIGNING_KEY_MISSING')
  })

  test.each(['number = 1', 'number = 2', 'true'])(
    'keeps all keys of which it knows, though rows are gone (%s)',
    async (gone) => {
      await stores.query(`delete from keyhold.former_signing_keys where ${gone}`)
      const keys = await openKeys(stores.store, await pinnedOf(all))
      expect(keys.publicKeys()).toEqual(all)
      expect(keys.learned).toEqual([kids()])
      expect(keys.broken()).toBe(gone === 'true' ? 0 : 1)
    },
  )
})

describe('checkpoints of the audit trail', () => {
  /** A replica that knows rotations, and one of a state before them: it has opened its key when it started. */
  async function scene() {
    const contradictions: string[] = []
    const failures: string[] = []
    const checkpointsOf = (
      store: Store,
      { holdSigner, readOwn }: Pick<KeysUnderTest, 'holdSigner' | 'readOwn'>,
    ) =>
      createCheckpoints({
        ...{ store, holdSigner, readOwn, kept: [], onSigned: () => undefined },
        writer: { write: () => undefined, settled: () => Promise.resolve() },
        onContradiction: (chain, contradiction) => contradictions.push(`${chain} ${contradiction}`),
        onFailed: (chain) => failures.push(chain),
      })
    const first = await stores.store.installation.findSigningKey()
    if (first === undefined) throw new Error('no key')
    const opened = crypto.open(first)
    const keys = await openKeys()
    return {
      ...{ contradictions, failures, keys },
      now: checkpointsOf(stores.store, keys),
      before: checkpointsOf(stores.otherStore, {
        holdSigner: () => Promise.resolve((payload) => crypto.sign(opened, payload)),
        readOwn: (jws) => crypto.readJws(opened, jws),
      }),
    }
  }
  const appendTo = (tenantId: string) =>
    stores.store.transaction((transaction) => {
      transaction.audit({ tenantId, actor: commandActor, action: 'tenant.lock', targetId: tenantId })
      return Promise.resolve()
    })

  slowTest(
    'a replica of a state before rotations breaks nothing for others, and signs no chain that the new key has signed',
    async () => {
      const { contradictions, keys, now, before } = await scene()
      await appendTo('a')
      await appendTo('b')
      await now.round()
      await rotate()
      await appendTo('a')
      // It signs with the old key, and the others take that for what it is.
      const old = await before.signNow('a')
      await appendTo('a')
      const head = await now.signNow('a')
      await now.round()
      expect(contradictions).toEqual([])
      expect(keys.readOwn(old.jws)).toEqual(old.head)
      const numbers = await stores.store.auditCheckpoints.list('a', { after: 0, limit: 10 })
      expect(numbers.map(({ number, jws }) => [number, keys.readOwn(jws)])).toMatchObject([
        [1, { sequence: 1 }],
        [2, { sequence: 2 }],
        [3, { sequence: 3, hash: head.head.hash }],
      ])

      await appendTo('b')
      await now.signNow('b')
      await appendTo('b')
      await expect(before.signNow('b')).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
      expect(contradictions).toEqual(['b checkpoint-foreign'])
      await now.signNow('b')
    },
  )

  test('where the signing key cannot be used, that is told once, and not of each chain', async () => {
    const { failures, now } = await scene()
    for (const chain of ['a', 'b', 'c']) await appendTo(chain)
    await stores.query('update keyhold.installation set generation = generation + 1')
    await expect(now.round()).rejects.toMatchObject({ code: 'ERR_RECORD_NOT_AUTHENTIC' })
    expect(failures).toEqual([])
    await stores.query('update keyhold.installation set generation = generation - 1')
    await now.round()
    expect(await stores.query('select from keyhold.audit_checkpoints')).toHaveLength(3)
  })
})
