// The SDK with a real server, through every method.
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKeyholdClient, encryptedSize, type TenantClient } from '../../src/node/index.ts'
import { startRealServer, type RealServer, type RealTenant } from './start-real-server.ts'

let server: RealServer
let tenant: RealTenant
let acme: TenantClient
let folder: string
beforeAll(async () => {
  server = await startRealServer()
  tenant = await server.createTenantWithOwnKey()
  acme = sdkOf(tenant)
  folder = await mkdtemp(join(tmpdir(), 'keyhold-sdk-'))
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

function sdkOf({ serviceToken }: RealTenant): TenantClient {
  return createKeyholdClient({ url: server.url, token: serviceToken }).tenant()
}

const context = { table: 'users', column: 'ssn', id: '7' }
const failed = expect.objectContaining({ code: 'ERR_DECRYPTION_FAILED' }) as unknown

describe('values', () => {
  test('tokens of the server and of this process decrypt in both', async () => {
    for (const cipher of [acme, acme.local]) {
      const token = await cipher.encrypt('078-05-1120', { context })
      expect(await acme.decryptText(token, { context })).toBe('078-05-1120')
      expect(await acme.local.decryptText(token, { context })).toBe('078-05-1120')
      await expect(acme.decrypt(token)).rejects.toEqual(failed)
      await expect(acme.local.decrypt(token)).rejects.toEqual(failed)
    }
  })

  test('one refused item leaves the others alone', async () => {
    const token = await acme.encrypt(new Uint8Array([0, 255]), { context, keyName: 'people' })
    const items = [{ token, context }, { token }, { token: 'nonsense' }]
    for (const cipher of [acme, acme.local]) {
      const [good, wrongContext, nonsense] = await cipher.decryptMany(items)
      expect(good?.value).toEqual(new Uint8Array([0, 255]))
      expect(wrongContext?.error).toEqual(failed)
      expect(nonsense?.error?.code).toBe('ERR_TOKEN_INVALID')
    }
  })

  test('a local token is re-encrypted under the active key, and then left as it is', async () => {
    const token = await acme.local.encrypt('here', { context })
    const [first] = await acme.reencryptMany([{ token, context }])
    expect(first?.value?.reencrypted).toBe(true)
    const moved = first?.value?.token ?? ''
    expect(await acme.local.decryptText(moved, { context })).toBe('here')
    const [second] = await acme.reencryptMany([{ token: moved, context }])
    expect(second?.value).toEqual({ token: moved, reencrypted: false })
  })

  test('fields and blind indexes are the same here and by the server', async () => {
    const options = { table: 'people', id: (person: { id: string }) => person.id }
    const people = acme.local.fields<{ id: string; age: number; born: Date }>(['age', 'born'], options)
    const person = { id: '7', age: 41, born: new Date(0) }
    const stored: unknown = await people.encrypt(person)
    expect(stored).toMatchObject({ age: expect.stringMatching(/^kh1\./) as string })
    const byServer = acme.fields<typeof person>(['age', 'born'], options)
    expect(await byServer.decrypt(stored as typeof person)).toEqual(person)

    const place = { table: 'people', column: 'ssn' }
    const index = acme.local.blindIndex({ keyName: 'people' })
    const again = sdkOf(tenant).local.blindIndex({ keyName: 'people' })
    expect(await again.compute('x', place)).toBe(await index.compute('x', place))
    expect(await index.compute('y', place)).not.toBe(await index.compute('x', place))
  })
})

describe('files and streams', () => {
  test.each([0, 16_383, 16_384, 16_385, 3_000_000])(
    'a file of %i bytes goes there and back',
    async (size) => {
      const content = randomBytes(size)
      const [plain, sealed, back] = ['plain', 'sealed', 'back'].map((name) => join(folder, `${name}-${size}`))
      await writeFile(plain ?? '', content)
      await acme.local.encryptFile(plain ?? '', sealed ?? '', { context })
      expect((await stat(sealed ?? '')).size).toBe(encryptedSize(size))
      // Another client, which has no keys of the encryption.
      await sdkOf(tenant).local.decryptFile(sealed ?? '', back ?? '', { context })
      expect((await readFile(back ?? '')).equals(content)).toBe(true)
    },
  )

  test('ranges, streams and a file that was cut', async () => {
    const content = randomBytes(200_000)
    const [plain, sealed] = [join(folder, 'plain'), join(folder, 'sealed')]
    await writeFile(plain, content)
    await acme.local.encryptFile(plain, sealed)
    expect(await acme.local.readRange(sealed, 16_000, 50_000)).toEqual(content.subarray(16_000, 50_000))
    expect(await acme.local.readRange(sealed, -5)).toEqual(content.subarray(-5))

    const stream = new Blob([content]).stream()
    const through = stream.pipeThrough(acme.local.encryptStream()).pipeThrough(acme.local.decryptStream())
    expect(Buffer.from(await new Response(through).arrayBuffer()).equals(content)).toBe(true)

    await truncate(sealed, 100_000)
    const back = join(folder, 'cut')
    await expect(acme.local.decryptFile(sealed, back)).rejects.toEqual(failed)
    await expect(stat(back)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

test('two tenants decrypt nothing of each other', async () => {
  const other = sdkOf(await server.createTenantWithOwnKey())
  const [plain, sealed] = [join(folder, 'of-acme'), join(folder, 'of-acme.kh')]
  await writeFile(plain, 'of acme')
  await acme.local.encryptFile(plain, sealed)
  const tokens = [await acme.encrypt('secret'), await acme.local.encrypt('secret')]
  for (const token of tokens) {
    await expect(other.decrypt(token)).rejects.toEqual(failed)
    await expect(other.local.decrypt(token)).rejects.toEqual(failed)
    expect((await other.reencryptMany([{ token }]))[0]?.error).toBeDefined()
  }
  await expect(other.local.decryptFile(sealed, join(folder, 'stolen'))).rejects.toEqual(failed)
  await expect(other.local.readRange(sealed, 0)).rejects.toEqual(failed)
  const place = { table: 't', column: 'c' }
  const indexes = [acme, other].map((sdk) => sdk.local.blindIndex({ keyName: 'x' }).compute('v', place))
  expect(new Set(await Promise.all(indexes)).size).toBe(2)
})

test('a platform token acts for the named tenant, and keeps the leases of tenants apart', async () => {
  const [one, two] = [await server.createTenant(), await server.createTenant()]
  const platform = createKeyholdClient({ url: server.url, token: await server.createPlatformToken() })
  const [first, second] = [platform.tenant(one.tenantId), platform.tenant(two.tenantId)]
  const token = await first.local.encrypt('of one')
  await second.local.encrypt('of two')
  expect(await first.local.decryptText(token)).toBe('of one')
  await expect(second.local.decrypt(token)).rejects.toEqual(failed)
})
