// The customer's key is taken away, given back and exchanged while an SDK works.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKeyholdClient, type TenantClient } from '../../src/node/index.ts'
import { startRealServer, type RealServer } from './start-real-server.ts'

const ttlSeconds = 2

let server: RealServer
let folder: string
beforeAll(async () => {
  server = await startRealServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: String(ttlSeconds) })
  folder = await mkdtemp(join(tmpdir(), 'keyhold-sdk-'))
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

// Polls, because a KMS may take its time; the time decides nothing.
const poll = { timeout: 30_000, interval: 100 }

function sdkOf(serviceToken: string): TenantClient {
  return createKeyholdClient({ url: server.url, token: serviceToken }).tenant()
}

/** The status with which the action is refused; 200 where it is not. */
async function statusOf(action: () => Promise<unknown>): Promise<unknown> {
  try {
    await action()
    return 200
  } catch (error) {
    return error instanceof Error && 'status' in error ? error.status : error
  }
}

test('a disabled key ends local encryption and decryption, and an enabled one brings both back', async () => {
  const { serviceToken, arn } = await server.createTenantWithOwnKey()
  const { local } = sdkOf(serviceToken)
  const [plain, sealed] = [join(folder, 'plain'), join(folder, 'sealed')]
  await writeFile(plain, 'a file')
  await local.encryptFile(plain, sealed)
  const token = await local.encrypt('a value')
  const file = await local.openEncryptedFile(sealed)
  const index = local.blindIndex({ keyName: 'people' })
  const compute = (value: string) => index.compute(value, { table: 't', column: 'c' })
  const before = await compute('v')

  await server.disableKey(arn)
  const encrypt = () => local.encrypt('another')
  await expect.poll(() => statusOf(encrypt), poll).toBe(424)
  await expect.poll(() => statusOf(() => local.decrypt(token)), poll).toBe(424)
  // After the refusal nothing works: neither open files nor new ones, nor a client that holds no key.
  const doors: (() => Promise<unknown>)[] = [
    encrypt,
    () => local.decrypt(token),
    () => file.readRange(0, 1),
    () => local.encryptFile(plain, join(folder, 'refused.kh')),
    () => local.decryptFile(sealed, join(folder, 'refused')),
    () => sdkOf(serviceToken).local.decrypt(token),
    () => sdkOf(serviceToken).decrypt(token),
  ]
  for (const door of doors) expect(await statusOf(door), door.toString()).toBe(424)
  await expect.poll(() => statusOf(() => compute('v')), poll).toBe(424)
  expect((await readdir(folder)).toSorted()).toEqual(['plain', 'sealed'])

  await server.enableKey(arn)
  await expect.poll(() => statusOf(encrypt), poll).toBe(200)
  await expect.poll(() => statusOf(() => local.decrypt(token)), poll).toBe(200)
  expect(await local.decryptText(token)).toBe('a value')
  expect((await file.readRange(0)).toString()).toBe('a file')
  await file.close()
  await local.decryptFile(sealed, join(folder, 'back'))
  expect(await readFile(join(folder, 'back'), 'utf8')).toBe('a file')
  expect(await compute('v')).toBe(before)
})

test('a migration does not disturb a session, and older tokens still decrypt afterwards', async () => {
  const tenant = await server.createTenantWithOwnKey()
  const { local } = sdkOf(tenant.serviceToken)
  const [plain, sealed] = [join(folder, 'plain-2'), join(folder, 'sealed-2')]
  await writeFile(plain, 'a file')
  await local.encryptFile(plain, sealed)
  const tokens = [await local.encrypt('0')]

  const migrated = { arn: '' }
  const migration = server.migrate(tenant).then((arn) => (migrated.arn = arn))
  do {
    const token = await local.encrypt(String(tokens.length))
    expect(await local.decryptText(token)).toBe(String(tokens.length))
    tokens.push(token)
    await new Promise((resolve) => setTimeout(resolve, 10))
  } while (migrated.arn === '')
  await migration

  // The old key is out of use: everything needs the new one.
  await server.disableKey(tenant.arn)
  const fresh = sdkOf(tenant.serviceToken).local
  const texts = await fresh.decryptMany(tokens.map((token) => ({ token })))
  expect(texts.map(({ value }) => Buffer.from(value ?? []).toString())).toEqual(
    tokens.map((_, index) => String(index)),
  )
  expect((await fresh.readRange(sealed, 0)).toString()).toBe('a file')
  expect(await local.decryptText(await local.encrypt('after'))).toBe('after')

  await server.disableKey(migrated.arn)
  await expect.poll(() => statusOf(() => local.decrypt(tokens[0] ?? '')), poll).toBe(424)
})
