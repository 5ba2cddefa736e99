// The kinds of operations under load. Each one compares everything that it decrypts.
import type { ItemResult } from '@keyhold/client/node'
import type { SeededRandom } from '../../../testkit/src/statistics/seeded-random.ts'
import type { Context, LoadTenant, Remembered } from './load-tenant.ts'
import { sendOctets } from './send-octets.ts'
import { WrongValue } from './wrong-value.ts'

export interface OperationScene {
  tenant: LoadTenant
  random: SeededRandom
  url: string
  fetch: typeof fetch
  /** Counts values that the server or the SDK has encrypted or decrypted. */
  count: (side: 'server' | 'local', values: number) => void
}

export interface OperationKind {
  name: string
  /** How often it is chosen, relative to the others. */
  weight: number
  run: (scene: OperationScene) => Promise<void>
}

const maxKeyNamesInUse = 30

export const operationKinds: readonly OperationKind[] = [
  { name: 'encrypt 1', weight: 28, run: (scene) => encryptMany(scene, 1) },
  { name: 'decrypt 1', weight: 26, run: (scene) => decryptMany(scene, 1) },
  { name: 'reencrypt 1', weight: 3, run: (scene) => reencryptMany(scene, 1) },
  { name: 'encrypt 2-100', weight: 5, run: (scene) => encryptMany(scene, scene.random.integer(2, 100)) },
  { name: 'decrypt 2-100', weight: 6, run: (scene) => decryptMany(scene, scene.random.integer(2, 100)) },
  { name: 'reencrypt 2-100', weight: 2, run: (scene) => reencryptMany(scene, scene.random.integer(2, 100)) },
  { name: 'encrypt 1000', weight: 0.2, run: (scene) => encryptMany(scene, 1_000) },
  { name: 'decrypt 1000', weight: 0.2, run: (scene) => decryptMany(scene, 1_000) },
  { name: 'encrypt octets', weight: 2, run: encryptOctets },
  { name: 'decrypt octets', weight: 3, run: decryptOctets },
  { name: 'local encrypt', weight: 10, run: encryptLocally },
  { name: 'local decrypt', weight: 10, run: decryptLocally },
  { name: 'new lease', weight: 0.5, run: leaseAnew },
  { name: 'new key name', weight: 0.1, run: encryptUnderNewName },
  { name: 'list key providers', weight: 2, run: listKeyProviders },
  { name: 'blind index', weight: 2, run: computeBlindIndex },
]

/** @param share - from 0 up to 1 */
export function kindAt(share: number): OperationKind {
  const total = operationKinds.reduce((sum, { weight }) => sum + weight, 0)
  let rest = share * total
  for (const kind of operationKinds) {
    rest -= kind.weight
    if (rest < 0) return kind
  }
  throw new RangeError(`"share" expected from 0 up to 1, got ${share}`)
}

function newContext(random: SeededRandom): Context {
  return random.next() < 0.3 ? {} : { table: 'people', id: String(random.integer(1, 1_000_000)) }
}

// Mostly fields, now and then a document.
function newPlaintext(random: SeededRandom): Buffer {
  return random.bytes(random.next() < 0.9 ? random.integer(0, 1_024) : random.integer(1_025, 20_000))
}

function valueOf<Value>(result: ItemResult<Value>): Value {
  if (result.error !== undefined) throw result.error
  return result.value
}

function compare(what: string, expected: Buffer, actual: Uint8Array): void {
  if (!expected.equals(actual)) throw new WrongValue(`${what} answered other bytes than were encrypted`)
}

async function encryptMany({ tenant, random, count }: OperationScene, length: number): Promise<void> {
  const items = Array.from({ length }, () => ({
    plaintext: newPlaintext(random),
    context: newContext(random),
    keyName: random.pick(tenant.keyNames),
  }))
  const results = await tenant.sdk.encryptMany(items)
  for (const [index, { plaintext, context }] of items.entries()) {
    const result = results[index]
    if (result === undefined) throw new WrongValue('encrypt answered fewer items than were sent')
    tenant.tokens.add({ sealed: valueOf(result), plaintext, context })
  }
  count('server', length)
}

async function pickTokens(scene: OperationScene, length: number): Promise<Remembered<string>[]> {
  const { tokens } = scene.tenant
  // This tenant has no token yet.
  if (tokens.size === 0) await encryptMany(scene, 1)
  return Array.from({ length }, () => tokens.pick())
}

const toItem = ({ sealed, context }: Remembered<string>) => ({ token: sealed, context })

async function decryptMany(scene: OperationScene, length: number): Promise<void> {
  const { tenant, count } = scene
  const picked = await pickTokens(scene, length)
  const results = await tenant.sdk.decryptMany(picked.map(toItem))
  for (const [index, { plaintext }] of picked.entries()) {
    const result = results[index]
    if (result === undefined) throw new WrongValue('decrypt answered fewer items than were sent')
    compare('decrypt', plaintext, valueOf(result))
  }
  count('server', picked.length)
}

async function reencryptMany(scene: OperationScene, length: number): Promise<void> {
  const { tenant, count } = scene
  const picked = await pickTokens(scene, length)
  const results = await tenant.sdk.reencryptMany(picked.map(toItem))
  for (const [index, remembered] of picked.entries()) {
    const result = results[index]
    if (result === undefined) throw new WrongValue('reencrypt answered fewer items than were sent')
    // Whether the new token is right shows when it is decrypted.
    remembered.sealed = valueOf(result).token
  }
  count('server', picked.length)
}

async function encryptOctets({ tenant, random, url, fetch, count }: OperationScene): Promise<void> {
  const plaintext = random.bytes(random.integer(1_024, 524_288))
  const context = newContext(random)
  const sealed = await sendOctets({ url, fetch, token: tenant.serviceToken }, 'encrypt', context, plaintext)
  tenant.octets.add({ sealed, plaintext, context })
  count('server', 1)
}

async function decryptOctets(scene: OperationScene): Promise<void> {
  const { tenant, url, fetch, count } = scene
  if (tenant.octets.size === 0) await encryptOctets(scene)
  const { sealed, plaintext, context } = tenant.octets.pick()
  const opened = await sendOctets({ url, fetch, token: tenant.serviceToken }, 'decrypt', context, sealed)
  compare('decrypt of octets', plaintext, opened)
  count('server', 1)
}

async function encryptLocally({ tenant, random, count }: OperationScene): Promise<void> {
  const plaintext = newPlaintext(random)
  const context = newContext(random)
  // The server decrypts these tokens as well.
  tenant.tokens.add({ sealed: await tenant.sdk.local.encrypt(plaintext, { context }), plaintext, context })
  count('local', 1)
}

async function decryptLocally(scene: OperationScene): Promise<void> {
  for (const { sealed, plaintext, context } of await pickTokens(scene, 1)) {
    compare('local decrypt', plaintext, await scene.tenant.sdk.local.decrypt(sealed, { context }))
    scene.count('local', 1)
  }
}

async function leaseAnew({ tenant, random, count }: OperationScene): Promise<void> {
  const client = tenant.newSdk()
  try {
    const plaintext = newPlaintext(random)
    tenant.tokens.add({ sealed: await client.tenant().local.encrypt(plaintext), plaintext, context: {} })
    count('local', 1)
  } finally {
    client.dispose()
  }
}

async function encryptUnderNewName({ tenant, random, count }: OperationScene): Promise<void> {
  const keyName = `load-${random.integer(1, 2 ** 31)}`
  const plaintext = newPlaintext(random)
  const context = newContext(random)
  const sealed = await tenant.sdk.encrypt(plaintext, { keyName, context })
  tenant.tokens.add({ sealed, plaintext, context })
  if (tenant.keyNames.length < maxKeyNamesInUse) tenant.keyNames.push(keyName)
  count('server', 1)
}

async function listKeyProviders({ tenant }: OperationScene): Promise<void> {
  const { body } = await tenant.admin.call('listAllKeyProviders', { maxRetries: 3 })
  const expected = tenant.keyArn === undefined ? 1 : 2
  if (body.length !== expected)
    throw new WrongValue(`a list of ${body.length} key providers, not ${expected}`)
}

async function computeBlindIndex({ tenant, random }: OperationScene): Promise<void> {
  const index = tenant.sdk.local.blindIndex({ keyName: 'people' })
  const value = String(random.integer(1, 1_000))
  const place = { table: 'people', column: 'ssn' }
  if ((await index.compute(value, place)) !== (await index.compute(value, place)))
    throw new WrongValue('two blind indexes of one value differ')
}
