import { expect, test } from 'vitest'
import { createLeaseQuota } from '../../src/keyring/lease-quota.ts'

function createQuota(maxLeases: number) {
  const clock = { nowMs: 5_500 }
  const quota = createLeaseQuota(maxLeases, () => clock.nowMs)
  const lease = (tenantId: string, remainingMs = 10_000) =>
    quota.within(tenantId, () => Promise.resolve({ remainingMs }))
  return { clock, quota, lease }
}

const refused = (retryAfterSeconds: string) => ({
  code: 'ERR_LEASE_QUOTA',
  details: { retryAfterSeconds },
})

test('a tenant has so many leases at a time, and gets another one when one has ended', async () => {
  const { clock, lease } = createQuota(2)
  await lease('a', 3_000)
  await lease('a', 10_000)
  await expect(lease('a')).rejects.toMatchObject(refused('4'))
  expect(await lease('b')).toBeDefined()
  clock.nowMs += 2_999
  await expect(lease('a')).rejects.toMatchObject({ code: 'ERR_LEASE_QUOTA' })
  clock.nowMs += 1_001
  expect(await lease('a')).toBeDefined()
  await expect(lease('a')).rejects.toMatchObject({ code: 'ERR_LEASE_QUOTA' })
})

test('leases that are asked for together do not exceed it, and those that were not given do not count', async () => {
  const { quota, lease } = createQuota(3)
  const failed = quota.within('a', () => Promise.reject(new Error('denied')))
  await expect(failed).rejects.toThrow('denied')
  expect(await quota.within('a', () => Promise.resolve(undefined))).toBeUndefined()
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => lease('a')))
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
})

test('a lease for one operation counts for a moment', async () => {
  const { clock, lease } = createQuota(1)
  await lease('a', 0)
  await expect(lease('a', 0)).rejects.toMatchObject(refused('2'))
  clock.nowMs += 2_000
  expect(await lease('a', 0)).toBeDefined()
})
