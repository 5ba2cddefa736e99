// Rows pass as Keyhold signed them, and in no other form.
import { isKeyholdError, keyFromBytes, type ErrorCode } from '@keyhold/core'
import { expect, test } from 'vitest'
import { createRowMacs, type FaultyRow, type MacRing } from '../../../src/store/authentic/row-macs.ts'
import { columnsOfKind, steeringKinds } from '../../../src/store/authentic/steering-kinds.ts'

const ring: MacRing = {
  rootKeyId: '00112233aabbccdd',
  rootKey: keyFromBytes(Buffer.alloc(32, 1)),
  installationId: '11111111-1111-4111-8111-111111111111',
  requiresMacs: true,
}

function macsOf(changes: Partial<MacRing> = {}) {
  const reported: FaultyRow[] = []
  const macs = createRowMacs((row) => reported.push(row))
  macs.open({ ...ring, ...changes })
  return { macs, reported }
}

const guard = {
  tenant_id: 't1',
  incarnation: '22222222-2222-4222-8222-222222222222',
  generation: 4,
  locked_at: null,
  locked_by: null,
  lock_reason: null,
  key_cache_ttl_seconds: 10,
  api_key_generation: 2,
}

const refusal = (run: () => unknown): ErrorCode | undefined => {
  try {
    run()
  } catch (error) {
    if (isKeyholdError(error)) return error.code
    throw error
  }
  return undefined
}

test('a signed row passes, with columns that the MAC does not cover', () => {
  const { macs, reported } = macsOf()
  const row = { ...guard, shown: 'text', mac: macs.sign('guard', guard) }
  expect(macs.verify('guard', row)).toBe(row)
  expect(reported).toEqual([])
  expect(macs.count()).toBe(2)
})

test.each<[string, Partial<typeof guard>]>([
  ['another tenant', { tenant_id: 't2' }],
  ['another incarnation', { incarnation: '33333333-3333-4333-8333-333333333333' }],
  ['an older generation', { generation: 3 }],
  ['null in place of a value', { key_cache_ttl_seconds: null as never }],
  ['0 in place of a value', { key_cache_ttl_seconds: 0 }],
])('a row with %s does not pass, and is reported', (_name, changes) => {
  const { macs, reported } = macsOf()
  const row = { ...guard, ...changes, mac: macs.sign('guard', guard) }
  expect(refusal(() => macs.verify('guard', row))).toBe('ERR_RECORD_NOT_AUTHENTIC')
  expect(reported).toEqual([
    {
      ...{ kind: 'guard', table: 'tenant_guards', key: row.tenant_id, tenantId: row.tenant_id },
      ...{ fault: 'forged', used: false },
    },
  ])
})

test.each<[string, Partial<MacRing>]>([
  ['another root key of the same id', { rootKey: keyFromBytes(Buffer.alloc(32, 2)) }],
  ['a clone with the same root key', { installationId: '44444444-4444-4444-8444-444444444444' }],
])('a row of %s does not pass', (_name, changes) => {
  const mac = macsOf(changes).macs.sign('guard', guard)
  expect(refusal(() => macsOf().macs.verify('guard', { ...guard, mac }))).toBe('ERR_RECORD_NOT_AUTHENTIC')
})

test('a MAC of one kind is none of another, though the columns are the same', () => {
  const { macs } = macsOf()
  const head = { chain: 't1', hash: Buffer.alloc(32, 5), sequence: 1 }
  const mac = macs.sign('audit', head)
  expect(macs.faultOf('audit', { ...head, mac })).toBeUndefined()
  expect(macs.faultOf('auditHead', { ...head, mac })).toBe('forged')
})

test('a replica that has met such a row is not ready for a minute, or until it has another root key', () => {
  let now = 1_000
  const macs = createRowMacs(undefined, { clock: () => now })
  macs.open(ring)
  const other = macsOf({ rootKeyId: 'ffeeddccbbaa9988' }).macs
  const row = { ...guard, mac: other.sign('guard', guard) }
  expect(macs.isOutdated()).toBe(false)
  expect(refusal(() => macs.verify('guard', row))).toBe('ERR_ROOT_KEY_OUTDATED')
  now += 59_999
  expect(macs.isOutdated()).toBe(true)
  now += 1
  expect(macs.isOutdated()).toBe(false)
  expect(refusal(() => macs.faultOf('guard', row))).toBe('ERR_ROOT_KEY_OUTDATED')
  expect(macs.isOutdated()).toBe(true)
  macs.open(ring)
  expect(macs.isOutdated()).toBe(false)
})

test('a MAC under a root key that the replica does not hold is the fault of the replica', () => {
  const mac = macsOf({ rootKeyId: 'ffffffffffffffff' }).macs.sign('guard', guard)
  const { macs, reported } = macsOf()
  expect(refusal(() => macs.verify('guard', { ...guard, mac }))).toBe('ERR_ROOT_KEY_OUTDATED')
  expect(refusal(() => macs.faultOf('guard', { ...guard, mac }))).toBe('ERR_ROOT_KEY_OUTDATED')
  expect(reported).toEqual([])
})

test.each<[string, (mac: Buffer) => Buffer | null]>([
  ['none', () => null],
  ['an empty one', () => Buffer.alloc(0)],
  ['a cut one', (mac) => mac.subarray(0, -1)],
  ['a longer one', (mac) => Buffer.concat([mac, Buffer.of(0)])],
  ['one of another form', (mac) => Buffer.concat([Buffer.of(2), mac.subarray(1)])],
])('a row with %s in place of its MAC decides nothing, but before the adoption', (_name, change) => {
  const signed = macsOf().macs.sign('guard', guard)
  const row = { ...guard, mac: change(signed) }
  const fault = row.mac === null ? 'unsigned' : 'forged'
  const strict = macsOf()
  expect(refusal(() => strict.macs.verify('guard', row))).toBe('ERR_RECORD_NOT_AUTHENTIC')
  expect(strict.macs.faultOf('guard', row)).toBe(fault)
  const lenient = macsOf({ requiresMacs: false })
  expect(lenient.macs.verify('guard', row)).toBe(row)
  expect(lenient.macs.faultOf('guard', row)).toBeUndefined()
  expect(lenient.reported.map((each) => [each.fault, each.used])).toEqual([
    [fault, true],
    [fault, true],
  ])
})

test('without a root key nothing is signed or verified', () => {
  const macs = createRowMacs()
  expect(refusal(() => macs.sign('guard', guard))).toBe('ERR_SEALED')
  expect(refusal(() => macs.verify('guard', { ...guard, mac: null }))).toBe('ERR_SEALED')
  expect(refusal(() => macs.requiresMacs())).toBe('ERR_SEALED')
})

test('a row that was read without one of its columns, or without its MAC, is a mistake of the program', () => {
  const { macs } = macsOf()
  const mac = macs.sign('guard', guard)
  expect(() => macs.verify('guard', { ...guard, generation: undefined, mac } as never)).toThrow(TypeError)
  expect(() => macs.verify('guard', guard as never)).toThrow(TypeError)
})

test('a value that Keyhold never writes makes a row a forged one', () => {
  const { macs } = macsOf()
  const mac = macs.sign('guard', guard)
  for (const changes of [{ locked_at: new Date(Number.NaN) }, { generation: 2 ** 60 }, { generation: '4' }]) {
    expect(macs.faultOf('guard', { ...guard, ...changes, mac } as never)).toBe('forged')
  }
})

test('the columns of a kind are read with its MAC', () => {
  expect(columnsOfKind('keyJobProgress')).toContain('progress_mac')
  for (const { columns, key } of Object.values(steeringKinds)) {
    expect(Object.keys(columns)).toEqual(expect.arrayContaining([...key]))
  }
})
