// Two replicas on one database: what the KMS tells one of them, the other one acts on as well.
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { applicationName } from '../../src/driver/application-name.ts'
import type { Server } from '../../src/main.ts'
import {
  decryptAll,
  encryptUnder,
  isCompleted,
  plaintextOf,
  registerKey,
  startMigration,
  waitForMigration,
} from '../../../testkit/src/http/api.ts'
import type { PostgresProxy } from '../../../testkit/src/cluster/postgres-proxy.ts'
import { startProxyBefore } from '../../../testkit/src/cluster/proxy-before.ts'
import { startSecondReplica } from '../../../testkit/src/server/start-second-replica.ts'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

// The first replica asks the KMS every second; the second one would not for five minutes.
const noProbes = { KEYHOLD_KEY_PROBE_SECONDS: '3600' }
let first: TestServer
let second: Server
let proxy: PostgresProxy
beforeAll(async () => {
  first = await startTestServer({ ...noProbes, KEYHOLD_KEY_CACHE_TTL_SECONDS: '1' })
  const before = await startProxyBefore(first.databaseConnection())
  ;({ proxy } = before)
  second = await startSecondReplica(
    first,
    { ...before.settings, ...noProbes, KEYHOLD_KEY_CACHE_TTL_SECONDS: '300' },
    { notificationBeat: { everyMs: 200, answerMs: 1_000 } },
  )
})
afterAll(async () => {
  await second.stop()
  await proxy.close()
  await first.stop()
})

test('a denial that one replica meets ends what the other one holds, and both open again by themselves', async () => {
  const tenant = await first.createTenant()
  const neighbour = await first.createTenant()
  const arn = await first.createCustomerKey([tenant.tenantId])
  const tokens = await encryptUnder(first.url, tenant, ['one'])
  const neighbours = await encryptUnder(first.url, neighbour, ['one'])
  await startMigration(first.url, tenant, await registerKey(first.url, tenant, arn))
  await waitForMigration(first.url, tenant, isCompleted)
  const plaintexts = [plaintextOf('one')]
  expect(await decryptAll(second.url, tenant, tokens)).toEqual(plaintexts)

  await first.customerKms().send(new DisableKeyCommand({ KeyId: arn }))
  const locked = (url: string) =>
    decryptAll(url, tenant, tokens).then(
      () => 'open',
      (error: unknown) => (String(error).includes('ERR_KMS_KEY_DISABLED') ? 'locked' : String(error)),
    )
  await expect.poll(() => locked(first.url), { timeout: 10_000 }).toBe('locked')
  await expect.poll(() => locked(second.url), { timeout: 10_000 }).toBe('locked')
  expect(await decryptAll(second.url, neighbour, neighbours)).toEqual(plaintexts)

  await first.customerKms().send(new EnableKeyCommand({ KeyId: arn }))
  // A refusal is remembered for a second.
  for (const { url } of [first, second])
    await expect
      .poll(() => decryptAll(url, tenant, tokens).catch(String), { timeout: 3_000 })
      .toEqual(plaintexts)
})

slowTest('a replica that holds nothing tells of the denial as well', async () => {
  const tenant = await first.createTenant()
  const arn = await first.createCustomerKey([tenant.tenantId])
  const tokens = await encryptUnder(first.url, tenant, ['one'])
  await startMigration(first.url, tenant, await registerKey(first.url, tenant, arn))
  await waitForMigration(first.url, tenant, isCompleted)
  await first.restart()
  expect(await decryptAll(second.url, tenant, tokens)).toEqual([plaintextOf('one')])
  await first.customerKms().send(new DisableKeyCommand({ KeyId: arn }))
  // After the restart this is the first replica's first use of the key. It is asked again and again, since the other
  // one's connection for notifications comes back only after a moment.
  const outcome = (url: string) =>
    decryptAll(url, tenant, tokens).then(
      () => 'open',
      () => 'locked',
    )
  expect(await outcome(first.url)).toBe('locked')
  await expect
    .poll(
      async () => {
        await outcome(first.url)
        return outcome(second.url)
      },
      { timeout: 20_000 },
    )
    .toBe('locked')
})

test('after a denial that one replica met, no region stands in on the other one, which has not met it', async () => {
  const tenant = await first.createTenant()
  const arn = await first.createCustomerKey([tenant.tenantId])
  const tokens = await encryptUnder(first.url, tenant, ['one'])
  await startMigration(first.url, tenant, await registerKey(first.url, tenant, arn))
  await waitForMigration(first.url, tenant, isCompleted)
  expect(await decryptAll(second.url, tenant, tokens)).toEqual([plaintextOf('one')])
  const outcome = (url: string) =>
    decryptAll(url, tenant, tokens).then(
      () => 'open',
      (error: unknown) => /ERR_KMS_[A-Z_]+/.exec(String(error))?.[0] ?? String(error),
    )

  await first.customerKms().send(new DisableKeyCommand({ KeyId: arn }))
  await expect.poll(() => outcome(first.url), { timeout: 10_000 }).toBe('ERR_KMS_KEY_DISABLED')
  first.kms.regions.takeDown('eu-west-1', 'refused')
  await expect.poll(() => outcome(second.url), { timeout: 10_000 }).toBe('ERR_KMS_UNREACHABLE')

  first.kms.regions.bringBack('eu-west-1')
  await first.customerKms().send(new EnableKeyCommand({ KeyId: arn }))
  for (const { url } of [first, second])
    await expect.poll(() => outcome(url), { timeout: 15_000 }).toBe('open')
})

slowTest(
  'a replica whose connection for notifications has fallen silent closes all the same, and its neighbour stays open',
  async () => {
    const tenant = await first.createTenant()
    const neighbour = await first.createTenant()
    const arn = await first.createCustomerKey([tenant.tenantId])
    const neighbourArn = await first.createCustomerKey([neighbour.tenantId])
    const tokens = await encryptUnder(first.url, tenant, ['one'])
    const neighbours = await encryptUnder(first.url, neighbour, ['one'])
    await startMigration(first.url, tenant, await registerKey(first.url, tenant, arn))
    await startMigration(first.url, neighbour, await registerKey(first.url, neighbour, neighbourArn))
    await waitForMigration(first.url, tenant, isCompleted)
    await waitForMigration(first.url, neighbour, isCompleted)
    const plaintexts = [plaintextOf('one')]
    expect(await decryptAll(second.url, tenant, tokens)).toEqual(plaintexts)
    expect(await decryptAll(second.url, neighbour, neighbours)).toEqual(plaintexts)
    const callsFor = () => first.kms.countCalls({ keyId: neighbourArn.split('/')[1], operation: 'Decrypt' })
    const calls = callsFor()

    expect(proxy.silenceOpen(applicationName('notifications'))).toBe(1)
    await first.customerKms().send(new DisableKeyCommand({ KeyId: arn }))
    const outcome = (url: string) =>
      decryptAll(url, tenant, tokens).then(
        () => 'open',
        () => 'locked',
      )
    await expect.poll(() => outcome(first.url), { timeout: 10_000 }).toBe('locked')
    await expect.poll(() => outcome(second.url), { timeout: 20_000 }).toBe('locked')
    // Whatever was not missed is still held: the KMS is not asked for it.
    expect(await decryptAll(second.url, neighbour, neighbours)).toEqual(plaintexts)
    expect(callsFor()).toBe(calls)
  },
)
