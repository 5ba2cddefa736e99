// Streams of events: a tenant that opens all it can leaves room for others.
import { expect, test } from 'vitest'
import { createStreamShares } from '../../../src/http/server/stream-shares.ts'

function openMany(shares: ReturnType<typeof createStreamShares>, tenantId: string, count: number): number {
  return Array.from({ length: count }, () => shares.open(tenantId)).filter(Boolean).length
}

test('a tenant has twenty, and fewer while many are open', () => {
  const shares = createStreamShares()
  expect(openMany(shares, 'a', 30)).toBe(20)
  for (let each = 0; each < 7; each++) openMany(shares, `tenant-${each}`, 20)
  const served = Array.from({ length: 40 }, (_, each) => openMany(shares, `other-${each}`, 2))
  expect(served).toEqual(new Array(40).fill(1))
})

test('never more than two hundred, and what is closed makes room', () => {
  const shares = createStreamShares()
  let open = 0
  for (let each = 0; each < 300; each++) open += openMany(shares, `tenant-${each}`, 1)
  expect(open).toBe(200)
  shares.close('tenant-0')
  expect(shares.open('late')).toBe(true)
  expect(shares.open('later')).toBe(false)
})
