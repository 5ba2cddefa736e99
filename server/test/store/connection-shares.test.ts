// Who gets a connection when many want one: by count, since nothing here depends on how fast a machine is.
import { expect, test } from 'vitest'
import {
  connectionLimits,
  createConnectionShares,
  type ConnectionShares,
} from '../../src/store/connections/connection-shares.ts'
import { ownShares, type ConnectionUser } from '../../src/store/connections/connection-user.ts'

function open(total = 10, { maxWaitMs = 60_000, maxWaiting = 1_000 } = {}): ConnectionShares {
  return createConnectionShares({ limits: connectionLimits(total), maxWaitMs, maxWaiting })
}

const quick = (share: string): ConnectionUser => ({ share, isSlow: false, holdsConnection: false })
const slow = (share: string): ConnectionUser => ({ ...quick(share), isSlow: true })
const background = quick(ownShares.background)

interface Asked {
  user: ConnectionUser
  leave: (() => void) | undefined
}

/** Asks `count` times and notes who has got in, in `admitted`. */
async function ask(
  shares: ConnectionShares,
  user: ConnectionUser,
  count: number,
  admitted: Asked[] = [],
): Promise<Asked[]> {
  const asked = Array.from({ length: count }, (): Asked => ({ user, leave: undefined }))
  for (const one of asked) {
    void shares.enter(user).then((leave) => {
      one.leave = leave
      admitted.push(one)
    })
  }
  await settle()
  return asked
}

const settle = () => new Promise((resolve) => setImmediate(resolve))
const inside = (asked: Asked[]) => asked.filter(({ leave }) => leave !== undefined).length

test('a tenant gets three of ten connections, and the rest of its requests wait', async () => {
  const shares = open()
  const first = await ask(shares, quick('a'), 20)
  expect(inside(first)).toBe(3)
  expect(shares.waiting()).toBe(17)
  expect(inside(await ask(shares, quick('b'), 2))).toBe(2)

  first[0]?.leave?.()
  first[0]?.leave?.()
  await settle()
  expect(inside(first)).toBe(4)
})

test('slow work of all tenants gets half, and leaves the rest to quick reads', async () => {
  const shares = open()
  const held = await Promise.all(['a', 'b', 'c', 'd'].map((name) => ask(shares, slow(name), 20)))
  expect(held.flat().filter(({ leave }) => leave !== undefined)).toHaveLength(5)
  expect(inside(await ask(shares, quick('e'), 20))).toBe(3)
})

test('a slow request that has no turn holds up no quick one of its tenant', async () => {
  const shares = open()
  for (const name of ['a', 'b', 'c', 'd']) await ask(shares, slow(name), 2)
  expect(inside(await ask(shares, quick('d'), 2))).toBe(2)
})

test('work outside of requests gets half, and together with slow work it leaves two for quick reads', async () => {
  const shares = open()
  expect(inside(await ask(shares, background, 20))).toBe(5)
  const held = await Promise.all(['a', 'b', 'c'].map((name) => ask(shares, slow(name), 20)))
  expect(held.flat().filter(({ leave }) => leave !== undefined)).toHaveLength(3)
  expect(inside(await ask(shares, quick('e'), 20))).toBe(2)
})

test('whoever waits takes turns: a long line does not delay a short one', async () => {
  const shares = open(4)
  const admitted: Asked[] = []
  const names = ['a', 'b', 'c', 'd']
  for (const name of names) await ask(shares, quick(name), 1, admitted)
  await ask(shares, quick('a'), 50, admitted)
  for (const name of ['b', 'c', 'd']) await ask(shares, quick(name), 1, admitted)

  for (let turn = 0; turn < 8; turn++) {
    admitted[turn]?.leave?.()
    await settle()
  }
  const order = admitted.slice(4, 9).map(({ user }) => user.share)
  expect(order.toSorted()).toEqual(['a', 'a', 'b', 'c', 'd'])
})

test('a turn that does not come in time is refused, and takes no place any more', async () => {
  const shares = open(10, { maxWaitMs: 1 })
  const held = await ask(shares, quick('a'), 3)
  await expect(shares.enter(quick('a'))).rejects.toMatchObject({ code: 'ERR_TENANT_BUSY' })
  expect(shares.waiting()).toBe(0)
  held[0]?.leave?.()
  expect(inside(await ask(shares, quick('a'), 1))).toBe(1)
})

test('where all connections are in use, the refusal blames no tenant', async () => {
  const shares = open(4, { maxWaitMs: 1 })
  for (const name of ['a', 'b', 'c', 'd']) await ask(shares, quick(name), 1)
  await expect(shares.enter(quick('e'))).rejects.toMatchObject({ code: 'ERR_SERVER_BUSY' })
})

test('a line has an end: one more is refused at once', async () => {
  const shares = open(10, { maxWaiting: 5 })
  await ask(shares, quick('a'), 8)
  await expect(shares.enter(quick('a'))).rejects.toMatchObject({ code: 'ERR_TENANT_BUSY' })
})

test('whoever holds a connection already never waits for a share', async () => {
  const shares = open(4)
  await ask(shares, slow('a'), 20)
  expect(inside(await ask(shares, { ...slow('a'), holdsConnection: true }, 1))).toBe(1)
})

test.each([1, 2, 3, 4, 5, 10, 100])('with %i connections everybody can work', (total) => {
  const { ofTenant, slow, own, heavy } = connectionLimits(total)
  for (const limit of [ofTenant, slow, own, heavy]) {
    expect(limit).toBeGreaterThanOrEqual(1)
    expect(limit).toBeLessThanOrEqual(total)
  }
})
