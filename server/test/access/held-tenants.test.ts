// Tenants are confirmed ahead: what a replica holds of them outlasts a database that is away, and no longer than the time limit.
import { beforeEach, expect, test } from 'vitest'
import { createHeldTenants, type HeldTenants } from '../../src/access/held-tenants.ts'

const ttlMs = 30_000
let nowMs: number
let isAway: boolean
let open: Set<string>
let faulty: Set<string>
let asked: string[][]
let held: HeldTenants

beforeEach(() => {
  nowMs = 1_000
  isAway = false
  open = new Set(['acme', 'beta'])
  faulty = new Set()
  asked = []
  held = create()
})

function create(ttl = ttlMs): HeldTenants {
  const answer = <Result>(ids: readonly string[], make: () => Result): Promise<Result> => {
    asked.push([...ids])
    return isAway ? Promise.reject(new Error('away')) : Promise.resolve(make())
  }
  const tenants = {
    isOpen: (id: string) => answer([id], () => open.has(id)),
    findOpen: (ids: readonly string[]) =>
      answer(ids, () => new Map(ids.filter((id) => open.has(id)).map((id) => [id, !faulty.has(id)]))),
  }
  return createHeldTenants({ store: { tenants }, ttlMs: ttl, clock: () => nowMs })
}

/** A request and a reading ahead every 1.5 seconds. */
async function goOn(forMs: number): Promise<void> {
  for (const endMs = nowMs + forMs; nowMs < endMs; nowMs += 1_500) {
    expect(held.exists('acme')).toBe(true)
    await held.readAgain().catch(() => undefined)
  }
}

test('20 seconds without the database fail no request of one that is in use, and it ends with its time limit', async () => {
  expect(await held.exists('acme')).toBe(true)
  // Longer than the limit: it is confirmed ahead.
  await goOn(60_000)
  expect(asked.slice(1).every((ids) => ids.join() === 'acme')).toBe(true)
  isAway = true
  await goOn(20_000)
  nowMs += ttlMs
  await expect(Promise.resolve(held.exists('acme'))).rejects.toThrow('away')
})

test('one that nobody asks for is not read ahead, and 0 holds nothing', async () => {
  await held.exists('acme')
  nowMs += 10_000
  await held.readAgain()
  expect(asked).toEqual([['acme']])
  held = create(0)
  await held.exists('acme')
  await held.exists('acme')
  expect(asked).toHaveLength(3)
})

test('one that is gone ends with the next reading, and at once where a replica says so, also while it is being read', async () => {
  await held.exists('acme')
  open.delete('acme')
  expect(held.exists('acme')).toBe(true)
  await held.readAgain()
  expect(await held.exists('acme')).toBe(false)
  const asking = held.exists('beta')
  held.endTenant('beta')
  open.delete('beta')
  // It shares no reading that was begun before.
  expect([await held.exists('beta'), await asking]).toEqual([false, true])
})

test('a row that is not as Keyhold wrote it prolongs nothing, and stops no other tenant', async () => {
  await held.exists('acme')
  await held.exists('beta')
  faulty.add('beta')
  nowMs += 9_000
  expect([held.exists('acme'), held.exists('beta')]).toEqual([true, true])
  await held.readAgain()
  nowMs += ttlMs - 9_000
  expect(held.exists('acme')).toBe(true)
  expect(held.exists('beta')).toBeInstanceOf(Promise)
})
