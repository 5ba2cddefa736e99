// Rewrapping in threads: the same data keys come out under the other tenant key, and what is damaged is named.
import {
  generateKey,
  keyCheckValue,
  unwrapDataKey,
  verifyKeyCheckValue,
  wrapDataKey,
  type TenantKey,
} from '@keyhold/core'
import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { findUnreadableRecords, rewrapRecords } from '../../src/migration/engine/rewrap-records.ts'
import { createRewrapThreads } from '../../src/migration/engine/rewrap-threads.ts'
import { createTrafficWatch } from '../../src/migration/engine/watch-traffic.ts'
import { rewrapRecord } from '../../src/store/cipherkeys/cipherkey-records.ts'

const tenantId = 'tenant-1'
const startOf2000Ms = Date.UTC(2000, 0)
const tenantKey = (version: number): TenantKey => ({
  tenantId,
  id: randomUUID(),
  version,
  format: version === 1 ? 1 : 2,
  key: generateKey(),
})
const [first, second, target] = [tenantKey(1), tenantKey(2), tenantKey(3)]

const threads = createRewrapThreads(2)
afterAll(() => threads.close())

function cipherkeys(count: number, source: TenantKey) {
  return Array.from({ length: count }, (_, index) => {
    const dataKey = { tenantId, id: randomUUID(), version: 1, key: generateKey() }
    const facts = {
      keyName: index % 2 === 0 ? undefined : `näme-${index}`,
      createdAtMs: 1_767_323_045_678 + index,
    }
    const wrapped = wrapDataKey(source, dataKey, facts)
    return { ...facts, dataKey, source, wrapped, keyCheckValue: keyCheckValue(dataKey) }
  })
}

type Cipherkey = ReturnType<typeof cipherkeys>[number]

function pack(rows: Cipherkey[]): Buffer {
  return Buffer.concat(
    rows.flatMap(({ dataKey, source, keyName, createdAtMs, wrapped, keyCheckValue: value }) => {
      const name = Buffer.from(keyName ?? '')
      const numbers = Buffer.alloc(24)
      numbers.writeUInt32BE(dataKey.version, 0)
      numbers.writeUInt32BE(source.version, 4)
      // With some microseconds, which the wrap does not have.
      numbers.writeBigInt64BE(
        createdAtMs === Infinity ? 2n ** 63n - 1n : BigInt(createdAtMs - startOf2000Ms) * 1_000n + 999n,
        8,
      )
      numbers.writeUInt32BE(keyName === undefined ? 0xffffffff : name.length, 16)
      numbers.writeUInt32BE(wrapped.length, 20)
      return [Buffer.from(dataKey.id.replaceAll('-', ''), 'hex'), numbers, name, wrapped, value]
    }),
  )
}

function newWraps(records: Buffer): Buffer[] {
  return Array.from({ length: records.length / rewrapRecord.bytes }, (_, index) =>
    records.subarray(index * rewrapRecord.bytes + rewrapRecord.newWrapped, (index + 1) * rewrapRecord.bytes),
  )
}

test('a chunk under several versions comes out under one, every data key the same', async () => {
  const rows = [...cipherkeys(20, first), ...cipherkeys(20, second)]
  const { records, unreadable } = await threads.rewrap({
    records: pack(rows),
    sources: [first, second],
    target,
  })
  expect(unreadable).toEqual([])
  expect(records.length).toBe(40 * rewrapRecord.bytes)
  for (const [index, wrapped] of newWraps(records).entries()) {
    const row = rows[index] ?? expect.fail()
    const { dataKey, keyCheckValue: value } = row
    const opened = unwrapDataKey(target, dataKey, row, wrapped)
    verifyKeyCheckValue(opened, value)
    expect(opened.key.equals(dataKey.key)).toBe(true)
  }
})

describe('a damaged cipherkey is named, and its neighbours are rewrapped', () => {
  const damages: [string, (row: Cipherkey) => void][] = [
    ['a flipped bit', ({ wrapped }) => wrapped.writeUInt8(wrapped.readUInt8(50) ^ 1, 50)],
    ['a cut wrap', (row) => (row.wrapped = row.wrapped.subarray(0, 103))],
    ['no wrap', (row) => (row.wrapped = Buffer.alloc(0))],
    ['a long wrap', (row) => (row.wrapped = Buffer.concat([row.wrapped, Buffer.alloc(100_000)]))],
    ['another check value', (row) => (row.keyCheckValue = Buffer.alloc(32))],
    ['the wrap of another version', (row) => (row.source = second)],
    ['a time that no wrap can bind', (row) => (row.createdAtMs = Infinity)],
    ['a name that no wrap can bind', (row) => (row.keyName = 'x'.repeat(65_536))],
  ]
  test.for(damages)('%s', async ([, damage]) => {
    const rows = cipherkeys(3, first)
    const [, middle] = rows
    if (middle === undefined) return expect.fail()
    damage(middle)
    const { records, unreadable } = await threads.rewrap({
      records: pack(rows),
      sources: [first, second],
      target,
    })
    expect(unreadable).toEqual([
      {
        dataKeyId: middle.dataKey.id,
        version: 1,
        tenantKeyVersion: middle.source.version,
        code: 'ERR_KEY_INTEGRITY',
      },
    ])
    expect(records.length).toBe(2 * rewrapRecord.bytes)
  })
})

describe('under format 2 a row whose facts are not true is named, whatever it is brought under', () => {
  const lies: [string, (row: Cipherkey) => void][] = [
    ['another name', (row) => (row.keyName = 'chat')],
    ['no name', (row) => (row.keyName = undefined)],
    ['another time', (row) => (row.createdAtMs -= 1)],
    ['a time without end', (row) => (row.createdAtMs = Infinity)],
  ]
  test.for(lies)('%s', ([, lie]) => {
    const rows = cipherkeys(3, second)
    const [, middle] = rows
    if (middle === undefined) return expect.fail()
    lie(middle)
    const named = [
      { dataKeyId: middle.dataKey.id, version: 1, tenantKeyVersion: 2, code: 'ERR_KEY_INTEGRITY' },
    ]
    for (const to of [target, tenantKey(1)])
      expect(rewrapRecords({ records: pack(rows), sources: [second], target: to }).unreadable).toEqual(named)
    expect(findUnreadableRecords(pack(rows), second)).toEqual(named)
  })
})

test('checking names what another version wraps and what does not open', async () => {
  const rows = cipherkeys(5, first)
  expect(await threads.findUnreadable(pack(rows), first)).toEqual([])
  expect(await threads.findUnreadable(pack(rows), second)).toHaveLength(5)
  const { wrapped, dataKey } = rows[3] ?? expect.fail()
  wrapped.writeUInt8(wrapped.readUInt8(30) ^ 1, 30)
  expect(await threads.findUnreadable(pack(rows), first)).toEqual([
    { dataKeyId: dataKey.id, version: 1, tenantKeyVersion: 1, code: 'ERR_KEY_INTEGRITY' },
  ])
})

test('records under a version that does not open are named with its reason, and the others are rewrapped', async () => {
  const rows = [...cipherkeys(1, second), ...cipherkeys(1, first), ...cipherkeys(1, second)]
  const refusal = { version: second.version, code: 'ERR_KMS_KEY_DISABLED', message: '' } as const
  const order = { records: pack(rows), sources: [first], target }
  const { records, unreadable } = await threads.rewrap({ ...order, refused: [refusal] })
  expect(unreadable.map(({ dataKeyId, code }) => [dataKeyId, code])).toEqual([
    [rows[0]?.dataKey.id, refusal.code],
    [rows[2]?.dataKey.id, refusal.code],
  ])
  expect(records.length).toBe(rewrapRecord.bytes)
})

test('records that end in the middle fail their task alone', async () => {
  const bytes = pack(cipherkeys(2, first))
  const cut = bytes.subarray(0, bytes.length - 1)
  expect(() => rewrapRecords({ records: cut, sources: [first], target })).toThrow(RangeError)
  expect(() => findUnreadableRecords(cut, first)).toThrow(RangeError)
  await expect(threads.rewrap({ records: cut, sources: [first], target })).rejects.toThrow('in the middle')
  expect((await threads.rewrap({ records: bytes, sources: [first], target })).unreadable).toEqual([])
})

test('beside traffic the threads give way, and one that may not be raised again is replaced', async () => {
  const set: [threadId: number, priority: number][] = []
  let mayRaise = true
  const own = createRewrapThreads(1, {
    usual: 0,
    set(threadId, priority) {
      set.push([threadId, priority])
      return priority > 0 || mayRaise
    },
  })
  const work = () => own.findUnreadable(pack(cipherkeys(2, first)), first)
  try {
    await work()
    expect(set).toEqual([])
    own.giveWay(true)
    own.giveWay(true)
    own.giveWay(false)
    await work()
    const [threadId = 0] = set[0] ?? []
    expect(threadId).toBeGreaterThan(0)
    expect(set).toEqual([
      [threadId, 10],
      [threadId, 0],
    ])

    own.giveWay(true)
    mayRaise = false
    const atWork = work()
    own.giveWay(false)
    // It ends its task first, and then another one does the next.
    expect(await atWork).toEqual([])
    own.giveWay(true)
    await work()
    const last = set.at(-1)
    expect(last?.[1]).toBe(10)
    expect(last?.[0]).not.toBe(threadId)
  } finally {
    await own.close()
  }
})

test('traffic is told at its fourth request in half a second, and its end after two quiet seconds', () => {
  vi.useFakeTimers()
  const told: boolean[] = []
  const watch = createTrafficWatch({ clock: () => Date.now(), onChange: (isTraffic) => told.push(isTraffic) })
  try {
    const every = (ms: number, times: number) => {
      for (let each = 0; each < times; each++) {
        watch.observe()
        vi.advanceTimersByTime(ms)
      }
    }
    every(200, 20)
    expect(told).toEqual([])
    vi.advanceTimersByTime(1_000)
    every(100, 3)
    expect(told).toEqual([])
    watch.observe()
    expect(told).toEqual([true])
    every(100, 50)
    vi.advanceTimersByTime(1_400)
    expect(told).toEqual([true])
    vi.advanceTimersByTime(1_100)
    expect(told).toEqual([true, false])
  } finally {
    watch.close()
    vi.useRealTimers()
  }
})

test('after closing there is no more work', async () => {
  const closed = createRewrapThreads(1)
  await closed.close()
  await expect(closed.findUnreadable(Buffer.alloc(0), first)).rejects.toThrow('closed')
})
