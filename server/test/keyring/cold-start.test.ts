// A replica that starts while every tenant is in use: each tenant key is asked for once, not so many at a time that the
// KMS would refuse them, and nobody who waits is told that the KMS is away.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DataKey } from '@keyhold/core'
import { createAwsKms, type AwsKms } from '../../src/kms/aws-kms.ts'
import type { Store } from '../../src/store/store.ts'
import { openTestPostgres, type TestPostgres } from '../../../testkit/src/database/test-database.ts'
import { createKeyring, createTenant } from './keyring-under-test.ts'

const tenantCount = 48
const callersOfEach = 3
// Longer than the time-out for a connection, by the time that all have had their turn.
const answerMs = 200

let postgres: TestPostgres
let store: Store
let server: Server
let kms: AwsKms
let callsByKey: Map<string, number>
let mostAtOnce: number
let delayMs = 0

beforeAll(async () => {
  postgres = await openTestPostgres()
  store = (await postgres.createStores()).store
  let atOnce = 0
  // A KMS that wraps nothing: what it is asked, and how often at a time, is the matter here.
  server = createServer((request, response) => {
    mostAtOnce = Math.max(mostAtOnce, ++atOnce)
    response.once('close', () => (atOnce -= 1))
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () =>
      setTimeout(() => {
        const { KeyId: keyArn } = JSON.parse(text) as { KeyId: string }
        // On a busy machine a call may be given up and tried again; that is still one call of the keyring's.
        if (request.headers['amz-sdk-request']?.includes('attempt=1;'))
          callsByKey.set(keyArn, (callsByKey.get(keyArn) ?? 0) + 1)
        const bytes = (length: number) => Buffer.alloc(length, 7).toString('base64')
        const answer = { KeyId: keyArn, Plaintext: bytes(32), CiphertextBlob: bytes(184) }
        response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(answer))
      }, delayMs),
    )
  })
  // Between the two parts of the test no connection ends.
  server.keepAliveTimeout = 600_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  kms = createAwsKms({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKeyId: 'KEYHOLDSOWN', secretAccessKey: 'secret' },
  })
  callsByKey = new Map()
  mostAtOnce = 0
})
afterAll(async () => {
  kms.close()
  server.closeAllConnections()
  server.close()
  await postgres.stop()
})

const arnOf = (index: number) =>
  `arn:aws:kms:eu-west-1:222222222222:key/00000000-0000-4000-8000-${String(index).padStart(12, '0')}`

test('each tenant key is asked for once, forty at a time, and everybody is served', async () => {
  const before = createKeyring(store, kms, { maxTenantKeys: 1_000, maxDataKeys: 1_000 })
  const tenants: { tenantId: string; dataKey: DataKey }[] = []
  const prepare = async (index: number) => {
    const tenantId = await createTenant(store, kms, `hot-${index}`, arnOf(index))
    tenants.push({ tenantId, dataKey: await before.dataKeys.getActive(tenantId, 'default') })
  }
  // Not all at once: it is not the preparation that is to be tried.
  for (let index = 0; index < tenantCount; index += 8)
    await Promise.all(Array.from({ length: 8 }, (_, place) => prepare(index + place)))
  callsByKey.clear()
  mostAtOnce = 0
  delayMs = answerMs
  const { dataKeys } = createKeyring(store, kms, { maxTenantKeys: 1_000, maxDataKeys: 1_000 })
  const answers = await Promise.allSettled(
    tenants.flatMap(({ tenantId, dataKey }) =>
      Array.from({ length: callersOfEach }, (_, caller) =>
        caller % 2 === 0
          ? dataKeys.get(tenantId, dataKey.id, dataKey.version)
          : dataKeys.getActive(tenantId, 'default'),
      ),
    ),
  )
  const refusals = answers.filter(({ status }) => status === 'rejected')
  expect(refusals).toEqual([])
  expect(callsByKey.size).toBe(tenantCount)
  expect(new Set(callsByKey.values())).toEqual(new Set([1]))
  expect(mostAtOnce).toBeGreaterThan(1)
  expect(mostAtOnce).toBeLessThanOrEqual(40)
})
