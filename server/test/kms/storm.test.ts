// One tenant's burst of calls to AWS KMS, on the wire: what it costs the others, what is sent, what is said of its key.
import { setTimeout as sleep } from 'node:timers/promises'
import { keyArnFingerprint, type KmsAnswer } from '@keyhold/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKmsBudget } from '../../src/kms/kms-budget.ts'
import type { KmsCall } from '../../src/kms/kms-call.ts'
import type { Server } from '../../src/main.ts'
import { startSecondReplica } from '../../../testkit/src/server/start-second-replica.ts'
import { at, errorCode } from '../http/read-body.ts'
import { createTenantWithOwnKey, encryptText, providers } from '../http/scene.ts'
import {
  keyholdAccount,
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { otherRegion, ref, region, startAws, type AwsUnderTest } from './aws-under-test.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let scene: AwsUnderTest
let server: TestServer
let limited: Server
beforeAll(async () => {
  scene = await startAws()
  server = await startTestServer()
  // Without a cache every request asks the KMS: a tenant may do so once a second on each of the two replicas.
  limited = await startSecondReplica(server, {
    KEYHOLD_KEY_CACHE_TTL_SECONDS: '0',
    KEYHOLD_KMS_REQUESTS_PER_SECOND: '100',
    KEYHOLD_KMS_TENANT_SHARE_PERCENT: '2',
    KEYHOLD_KMS_BUDGET_WAIT_SECONDS: '0',
  })
})
afterAll(async () => {
  await limited.stop()
  await server.stop()
})

function adapter(budgetWaitMs: number) {
  const calls: KmsCall[] = []
  const aws = scene.adapter({
    endpoint: scene.local.url,
    credentials: { accessKeyId: keyholdAccount, secretAccessKey: 'test' },
    budget: createKmsBudget({ requestsPerSecond: 100, tenantSharePercent: 20, decryptReservePercent: 50 }),
    budgetWaitMs,
    onCall: (call) => calls.push(call),
  })
  return { aws, calls }
}

test('of a tenant’s burst only its share is sent, the rest fails as retryable, and another tenant is served at once', async () => {
  const { aws, calls } = adapter(2_000)
  const arn = await scene.createKey()
  const mine = { ...ref, tenantId: 'tenant-2' }
  const [{ wrapped }, other] = [await aws.createTenantKey(arn, ref), await aws.createTenantKey(arn, mine)]
  const startMs = performance.now()
  const burst = Array.from({ length: 100 }, () =>
    aws.unwrapTenantKey(arn, wrapped, ref).then(
      () => 'ok',
      (error: unknown) => at(error, 'code'),
    ),
  )
  let isBurstOver = false
  const all = Promise.all(burst).finally(() => (isBurstOver = true))
  await aws.unwrapTenantKey(arn, other.wrapped, mine)
  const wasBurstOver = isBurstOver
  const outcomes = await all
  const endMs = performance.now() - startMs

  expect([...new Set(outcomes)].toSorted()).toEqual(['ERR_KMS_BUDGET', 'ok'])
  const opened = outcomes.filter((outcome) => outcome === 'ok').length
  // Twenty at once, less the one before; then twenty a second.
  expect(opened).toBeGreaterThanOrEqual(19)
  expect(opened).toBeLessThanOrEqual(19 + Math.ceil((endMs / 1_000) * 20) + 1)
  expect(wasBurstOver).toBe(false)
  const refused = calls.filter(({ outcome }) => outcome === 'ERR_KMS_BUDGET')
  expect(refused).toHaveLength(100 - opened)
  expect(refused[0]).toEqual({
    ...{ action: 'Decrypt', region, tenantId: ref.tenantId, account: '222222222222', payer: 'keyhold' },
    ...{ outcome: 'ERR_KMS_BUDGET', requests: 0, elapsedMs: undefined },
  })
})

slowTest('tries of keys leave to decryption what is its own', async () => {
  const { aws, calls } = adapter(0)
  const arn = await scene.createKey()
  const { wrapped } = await aws.createTenantKey(arn, ref)
  const looks = await Promise.allSettled(
    Array.from({ length: 40 }, () => aws.examineKey(arn, ref.tenantId, undefined)),
  )
  expect(looks.map(({ status }) => status)).toEqual(Array(40).fill('fulfilled'))
  const sent = () => calls.filter(({ requests }) => requests > 0).length
  const byTries = sent()
  expect(byTries).toBeLessThan(20)
  for (let left = 0; left < 10; left++) await aws.unwrapTenantKey(arn, wrapped, ref)
  expect(sent()).toBe(byTries + 10)
})

slowTest(
  'where the own region’s budget is used up no other region is asked, and none counts as away',
  async () => {
    const arn = await scene.createKey({ MultiRegion: true })
    await scene.replicate(arn)
    const answers: KmsAnswer[] = []
    const aws = scene.adapter({
      endpoint: scene.local.url,
      credentials: { accessKeyId: keyholdAccount, secretAccessKey: 'test' },
      drRegions: new Map([[region, [otherRegion]]]),
      budget: createKmsBudget({ requestsPerSecond: 2, tenantSharePercent: 100, decryptReservePercent: 0 }),
      budgetWaitMs: 0,
      onAnswer: (answer) => answers.push(answer),
    })
    const { wrapped } = await aws.createTenantKey(arn, ref)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, () => aws.unwrapTenantKey(arn, wrapped, ref)),
    )
    const refused = outcomes.filter(({ status }) => status === 'rejected')
    expect(refused.length).toBeGreaterThan(0)
    for (const each of refused) expect(each).toMatchObject({ reason: { code: 'ERR_KMS_BUDGET' } })
    await expect
      .poll(() =>
        aws.unwrapTenantKey(arn, wrapped, ref).then(
          () => 'opened',
          () => 'refused',
        ),
      )
      .toBe('opened')
    expect(new Set(answers.map((answer) => `${answer.region} ${answer.outage}`))).toEqual(
      new Set([`${region} undefined`]),
    )
  },
)

test('what is told of calls is what AWS KMS was sent, repetitions included', async () => {
  const { aws, calls } = adapter(0)
  const arn = await scene.createKey()
  const keyId = arn.split('/')[1]
  const { wrapped } = await aws.createTenantKey(arn, ref)
  const remove = scene.local.faults.add({ kind: 'throttle', match: { keyId } })
  scene.local.resetCallCounts()
  calls.length = 0
  await expect(aws.unwrapTenantKey(arn, wrapped, ref)).rejects.toMatchObject({ code: 'ERR_KMS_THROTTLED' })
  expect(calls).toMatchObject([{ outcome: 'ERR_KMS_THROTTLED', action: 'Decrypt', region }])
  expect(calls[0]?.requests).toBe(scene.local.countCalls({ keyId }))
  expect(calls[0]?.requests).toBeGreaterThan(1)
  remove()
})

async function decryptOnce({ serviceToken }: TestTenant, text: string): Promise<string> {
  const answer = await fetch(`${limited.url}/api/v1/encryption/decrypt`, {
    method: 'POST',
    headers: { authorization: `Bearer ${serviceToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ items: [{ token: text }] }),
  })
  const body: unknown = await answer.json()
  return answer.status === 200 ? '200' : `${answer.status} ${errorCode(body)}`
}

test('a tenant that asks too often is told so, its key stays healthy, and its neighbour notices nothing', async () => {
  const stormy = await createTenantWithOwnKey(server)
  const neighbour = await createTenantWithOwnKey(server)
  const mine = await encryptText(server, neighbour, 'of the neighbour')
  const theirs = await encryptText(server, stormy, 'of the one that asks too often')
  const answers = new Set<string>()
  const neighbours = new Set<string>()
  // A machine that is slow enough stays within the budget for a while.
  for (let round = 0; round < 3 || answers.size < 2; round++) {
    for (let each = 0; each < 5; each++) {
      const asked = await Promise.all([decryptOnce(stormy, theirs), decryptOnce(stormy, theirs)])
      for (const answer of asked) answers.add(answer)
    }
    neighbours.add(await decryptOnce(neighbour, mine))
    // The neighbour asks less often than it may.
    await sleep(1_100)
  }
  expect([...answers].toSorted()).toEqual(['200', '503 ERR_KMS_BUDGET'])
  expect([...neighbours]).toEqual(['200'])
  const path = `${providers}/${keyArnFingerprint(stormy.arn)}/health`
  const { body } = await server.request('GET', path, { token: stormy.adminToken })
  expect(at(body, 'state')).toBe('healthy')
  // No breaker, no memory of an outage: as soon as there is budget, it goes on.
  await expect.poll(() => decryptOnce(stormy, theirs), { timeout: 4_000 }).toBe('200')
})
