// A region that fails: the same key in another region stands in, for as long as it takes; and never after a denial.
import {
  DisableKeyCommand,
  EnableKeyCommand,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { keyArnFingerprint, parseByokWrap, type KeyAccess, type KmsAnswer } from '@keyhold/core'
import type { Outage } from '@keyhold/local-kms'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AwsKms } from '../../src/kms/aws-kms.ts'
import { customerKeyPolicy, keyholdAccount } from '../../../testkit/src/server/start-test-server.ts'
import { otherRegion, policyWith, ref, region, startAws } from './aws-under-test.ts'
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const { local, adapter, customer, createKey, replicate } = await startAws()

let answers: KmsAnswer[]
let nowMs: number
let aws: AwsKms
let access: KeyAccess

function startAdapter(drRegions = new Map([[region, [otherRegion]]])): AwsKms {
  return adapter({
    endpoint: local.url,
    credentials: { accessKeyId: keyholdAccount, secretAccessKey: 'test' },
    drRegions,
    findKeyAccess: () => Promise.resolve(access),
    onAnswer: (answer) => answers.push(answer),
    clock: () => nowMs + performance.now(),
  })
}

beforeEach(() => {
  answers = []
  nowMs = 0
  access = { role: undefined, replicaRegions: [] }
  aws = startAdapter()
})
afterEach(() => {
  local.regions.bringBack(region)
  local.regions.bringBack(otherRegion)
  local.faults.clear()
})

async function compliantKey(): Promise<{ keyArn: string; replica: string }> {
  const keyArn = await createKey({ MultiRegion: true })
  return { keyArn, replica: await replicate(keyArn) }
}

const outcomeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'answered',
    (error: unknown) => (error as { code?: string }).code,
  )

describe.each(
  doseOf(
    [
      ['refused', 'ERR_KMS_UNREACHABLE'],
      ['hanging', 'ERR_KMS_TIMEOUT'],
      ['failing', 'ERR_KMS_FAILED'],
    ] as const satisfies [Outage, string][],
    3,
  ),
)('with the own region %s', (outage, code) => {
  test('the replica opens what the key has wrapped, after no more than one wait', async () => {
    const { keyArn } = await compliantKey()
    const { key, wrapped } = await aws.createTenantKey(keyArn, ref)
    local.regions.takeDown(region, outage)

    const startMs = performance.now()
    const unwrapped = await aws.unwrapTenantKey(keyArn, wrapped, ref)

    expect(performance.now() - startMs).toBeLessThan(5_000)
    expect(unwrapped.equals(key)).toBe(true)
    expect(answers).toEqual([
      { keyArn, tenantId: ref.tenantId, region, outage: undefined },
      { keyArn, tenantId: ref.tenantId, region: otherRegion, outage: code },
    ])
  })

  test('new tenant keys are made there, and open in the own region when it is back', async () => {
    const { keyArn } = await compliantKey()
    local.regions.takeDown(region, outage)

    const { key, wrapped } = await aws.createTenantKey(keyArn, ref)

    expect(parseByokWrap(wrapped.toString('latin1')).fingerprint).toBe(keyArnFingerprint(keyArn))
    local.regions.bringBack(region)
    const unwrapped = await startAdapter().unwrapTenantKey(keyArn, wrapped, ref)
    expect(unwrapped.equals(key)).toBe(true)
    expect(answers.at(-1)).toMatchObject({ region, outage: undefined })
  })

  test('a key without a replica tells the outage', async () => {
    const keyArn = await createKey()
    const { wrapped } = await aws.createTenantKey(keyArn, ref)
    local.regions.takeDown(region, outage)
    expect(await outcomeOf(aws.unwrapTenantKey(keyArn, wrapped, ref))).toBe(code)
  })
})

slowTest('a key that is throttled goes on in the replica', async () => {
  const { keyArn } = await compliantKey()
  const { wrapped } = await aws.createTenantKey(keyArn, ref)
  local.faults.add({ kind: 'throttle', match: { region } })
  await aws.unwrapTenantKey(keyArn, wrapped, ref)
  expect(answers.at(-1)?.region).toBe(otherRegion)
  // The SDK's pauses between its attempts may be longer than the own region is waited for.
  expect(['ERR_KMS_THROTTLED', 'ERR_KMS_TIMEOUT']).toContain(answers.at(-1)?.outage)
})

test('replicas that were seen at the last inspection are enough, without any configuration', async () => {
  aws = startAdapter(new Map())
  const { keyArn } = await compliantKey()
  const { wrapped } = await aws.createTenantKey(keyArn, ref)
  local.regions.takeDown(region, 'refused')
  expect(await outcomeOf(aws.unwrapTenantKey(keyArn, wrapped, ref))).toBe('ERR_KMS_UNREACHABLE')
  access = { role: undefined, replicaRegions: [otherRegion] }
  await aws.unwrapTenantKey(keyArn, wrapped, ref)
})

test.each([
  ['denies Keyhold', 'policy'],
  ['is disabled', 'disable'],
])('a replica that %s does not stand in, and what is told is the outage, not a denial', async (_, how) => {
  const { keyArn, replica } = await compliantKey()
  const { wrapped } = await aws.createTenantKey(keyArn, ref)
  const there = customer(otherRegion)
  if (how === 'disable') await there.send(new DisableKeyCommand({ KeyId: replica }))
  else await there.send(new PutKeyPolicyCommand({ KeyId: replica, Policy: policyWith(['DescribeKey']) }))
  local.regions.takeDown(region, 'refused')
  await expect(aws.unwrapTenantKey(keyArn, wrapped, ref)).rejects.toMatchObject({
    code: 'ERR_KMS_UNREACHABLE',
    standIns: [{ region: otherRegion, code: how === 'disable' ? 'ERR_KMS_KEY_DISABLED' : 'ERR_KMS_DENIED' }],
  })
})

describe('a denial in the own region is final, although the replica would answer', () => {
  const denials: [string, string, (keyArn: string) => Promise<unknown>][] = [
    [
      'by the policy',
      'ERR_KMS_DENIED',
      (KeyId) => customer().send(new PutKeyPolicyCommand({ KeyId, Policy: policyWith(['DescribeKey']) })),
    ],
    ['by disabling', 'ERR_KMS_KEY_DISABLED', (KeyId) => customer().send(new DisableKeyCommand({ KeyId }))],
  ]

  test.each(denials)('%s', async (_, code, deny) => {
    const { keyArn, replica } = await compliantKey()
    const { wrapped } = await aws.createTenantKey(keyArn, ref)
    await deny(keyArn)
    local.resetCallCounts()

    expect(await outcomeOf(aws.unwrapTenantKey(keyArn, wrapped, ref))).toBe(code)
    expect(await outcomeOf(aws.createTenantKey(keyArn, ref))).toBe(code)
    expect(local.countCalls({ keyId: replica })).toBe(0)

    // Also when the region fails afterwards: what was last heard of the key counts.
    local.regions.takeDown(region, 'refused')
    expect(await outcomeOf(aws.unwrapTenantKey(keyArn, wrapped, ref))).toBe('ERR_KMS_UNREACHABLE')
    expect(local.countCalls({ keyId: replica })).toBe(0)
  })

  test('until the own region has answered again', async () => {
    const { keyArn } = await compliantKey()
    const { wrapped } = await aws.createTenantKey(keyArn, ref)
    await customer().send(new DisableKeyCommand({ KeyId: keyArn }))
    expect(await outcomeOf(aws.unwrapTenantKey(keyArn, wrapped, ref))).toBe('ERR_KMS_KEY_DISABLED')
    await customer().send(new EnableKeyCommand({ KeyId: keyArn }))
    await aws.unwrapTenantKey(keyArn, wrapped, ref)
    local.regions.takeDown(region, 'refused')
    await aws.unwrapTenantKey(keyArn, wrapped, ref)
    expect(answers.at(-1)?.region).toBe(otherRegion)
  })

  test('also where another replica of Keyhold has met it', async () => {
    const { keyArn } = await compliantKey()
    const { wrapped } = await aws.createTenantKey(keyArn, ref)
    local.regions.takeDown(region, 'refused')
    const standsIn = startAdapter()
    access = { role: undefined, replicaRegions: [], isDenied: true }
    expect(await outcomeOf(standsIn.unwrapTenantKey(keyArn, wrapped, ref))).toBe('ERR_KMS_UNREACHABLE')
    access = { role: undefined, replicaRegions: [], isDenied: false }
    expect(await outcomeOf(standsIn.unwrapTenantKey(keyArn, wrapped, ref))).toBe('answered')
  })

  test('for the denied tenant alone, where the policy names tenants', async () => {
    const other = { ...ref, tenantId: 'tenant-2' }
    const { keyArn } = await compliantKey()
    const [mine, theirs] = [await aws.createTenantKey(keyArn, ref), await aws.createTenantKey(keyArn, other)]
    const policy = customerKeyPolicy([other.tenantId])
    await customer().send(new PutKeyPolicyCommand({ KeyId: keyArn, Policy: policy }))
    expect(await outcomeOf(aws.unwrapTenantKey(keyArn, mine.wrapped, ref))).toBe('ERR_KMS_DENIED')
    local.regions.takeDown(region, 'refused')
    expect(await outcomeOf(aws.unwrapTenantKey(keyArn, mine.wrapped, ref))).toBe('ERR_KMS_UNREACHABLE')
    await aws.unwrapTenantKey(keyArn, theirs.wrapped, other)
  })

  test('and a key that is going to be deleted counts as denied', async () => {
    const { keyArn, replica } = await compliantKey()
    const { wrapped } = await aws.createTenantKey(keyArn, ref)
    await customer(otherRegion).send(new ScheduleKeyDeletionCommand({ KeyId: replica }))
    await customer().send(new ScheduleKeyDeletionCommand({ KeyId: keyArn }))
    expect(await outcomeOf(aws.unwrapTenantKey(keyArn, wrapped, ref))).toBe('ERR_KMS_KEY_PENDING_DELETION')
  })
})

describe('a region that was away', () => {
  test('is passed over for seconds, tried again by one call, and used again once it answers', async () => {
    const { keyArn } = await compliantKey()
    const { wrapped } = await aws.createTenantKey(keyArn, ref)
    local.regions.takeDown(region, 'hanging')
    await aws.unwrapTenantKey(keyArn, wrapped, ref)
    local.resetCallCounts()

    for (let call = 0; call < 5; call++) await aws.unwrapTenantKey(keyArn, wrapped, ref)
    expect(local.countCalls({ region })).toBe(0)
    expect(local.countCalls({ region: otherRegion })).toBe(5)

    nowMs += 6_000
    local.resetCallCounts()
    await Promise.all(Array.from({ length: 5 }, () => aws.unwrapTenantKey(keyArn, wrapped, ref)))
    // One call, which the SDK may have repeated once within its second.
    expect(local.countCalls({ region })).toBeGreaterThanOrEqual(1)
    expect(local.countCalls({ region })).toBeLessThanOrEqual(2)

    local.regions.bringBack(region)
    nowMs += 6_000
    await aws.unwrapTenantKey(keyArn, wrapped, ref)
    expect(answers.at(-1)).toMatchObject({ region, outage: undefined })
    await aws.unwrapTenantKey(keyArn, wrapped, ref)
    expect(answers.at(-1)).toMatchObject({ region, outage: undefined })
  })

  test('is asked after all, where the replica is away too', async () => {
    const { keyArn } = await compliantKey()
    const { wrapped } = await aws.createTenantKey(keyArn, ref)
    local.regions.takeDown(region, 'refused')
    await aws.unwrapTenantKey(keyArn, wrapped, ref)
    local.regions.bringBack(region)
    local.regions.takeDown(otherRegion, 'refused')
    await aws.unwrapTenantKey(keyArn, wrapped, ref)
    expect(answers.at(-1)).toMatchObject({ region, outage: undefined })
  })

  slowTest('one key that hangs sends no other key elsewhere', async () => {
    const [slow, fine] = [await compliantKey(), await compliantKey()]
    const { wrapped } = await aws.createTenantKey(slow.keyArn, ref)
    const other = await aws.createTenantKey(fine.keyArn, ref)
    local.faults.add({ kind: 'hang', match: { keyId: slow.keyArn } })
    await aws.unwrapTenantKey(slow.keyArn, wrapped, ref)
    expect(answers.at(-1)).toMatchObject({ keyArn: slow.keyArn, region: otherRegion })
    await aws.unwrapTenantKey(fine.keyArn, other.wrapped, ref)
    expect(answers.at(-1)).toMatchObject({ keyArn: fine.keyArn, region, outage: undefined })
  })

  slowTest('three keys that hang are a region that hangs: the fourth does not wait', async () => {
    const keys = await Promise.all(Array.from({ length: 4 }, compliantKey))
    const wraps = await Promise.all(keys.map(({ keyArn }) => aws.createTenantKey(keyArn, ref)))
    local.regions.takeDown(region, 'hanging')
    const unwrap = (index: number) =>
      aws.unwrapTenantKey(keys[index]?.keyArn ?? '', wraps[index]?.wrapped ?? Buffer.alloc(0), ref)
    await Promise.all([unwrap(0), unwrap(1), unwrap(2)])
    local.resetCallCounts()
    await unwrap(3)
    expect(local.countCalls({ region })).toBe(0)
    expect(local.countCalls({ region: otherRegion })).toBe(1)
  })

  slowTest(
    'a caller that gives up is not followed by other regions, and says nothing about the region',
    async () => {
      const { keyArn, replica } = await compliantKey()
      const { wrapped } = await aws.createTenantKey(keyArn, ref)
      local.regions.takeDown(region, 'hanging')
      local.resetCallCounts()
      const call = aws.unwrapTenantKey(keyArn, wrapped, ref, { signal: AbortSignal.timeout(100) })
      expect(await outcomeOf(call)).toBe('ERR_KMS_TIMEOUT')
      expect(local.countCalls({ keyId: replica })).toBe(0)
      local.regions.bringBack(region)
      await aws.unwrapTenantKey(keyArn, wrapped, ref)
      expect(answers.at(-1)).toMatchObject({ region, outage: undefined })
    },
  )
})
