// Bytes that were authenticated need not be again; other bytes under the same MAC do.
import { keyFromBytes } from '@keyhold/core'
import { expect, test } from 'vitest'
import { createRightMacs } from '../../../src/store/authentic/right-macs.ts'
import { createRowMacs } from '../../../src/store/authentic/row-macs.ts'

test('a MAC is known with its own bytes alone, and of so many the first is forgotten', () => {
  const rights = createRightMacs(2)
  const [a, b, c] = [1, 2, 3].map((each) => Buffer.alloc(41, each)) as [Buffer, Buffer, Buffer]
  rights.add(a, Buffer.from('row'))
  expect([rights.has(a, Buffer.from('row')), rights.has(a, Buffer.from('raw'))]).toEqual([true, false])
  expect(rights.has(b, Buffer.from('row'))).toBe(false)
  rights.add(b, Buffer.from('row'))
  rights.add(c, Buffer.from('row'))
  expect([a, b, c].map((each) => rights.has(each, Buffer.from('row')))).toEqual([false, true, true])
})

test('a fence is authenticated once, anew when it differs, and anew under another root key', () => {
  const ring = {
    rootKeyId: '00112233aabbccdd',
    rootKey: keyFromBytes(Buffer.alloc(32, 1)),
    installationId: '11111111-1111-4111-8111-111111111111',
    requiresMacs: true,
  }
  const macs = createRowMacs()
  macs.open(ring)
  const fence = {
    ...{ id: 't1', name: 'a tenant', incarnation: ring.installationId, external_id: ring.installationId },
    ...{ fence_epoch: 1, generation: 2, active_tenant_key_version: 1, active_tenant_key_id: null },
    ...{
      current_fingerprint: null,
      live_job_id: null,
      manifest: null,
      ending_at: null,
      created_at: new Date(0),
    },
  }
  const row = { ...fence, mac: macs.sign('fence', fence) }
  const countOf = (work: () => unknown) => {
    const before = macs.count()
    work()
    return macs.count() - before
  }
  expect(countOf(() => macs.verify('fence', row))).toBe(1)
  expect(countOf(() => macs.verify('fence', { ...row, created_at: new Date(0) }))).toBe(0)
  const older = { ...row, fence_epoch: 0 }
  expect(countOf(() => macs.faultOf('fence', older))).toBe(1)
  expect(macs.faultOf('fence', older)).toBe('forged')
  macs.open({ ...ring, rootKey: keyFromBytes(Buffer.alloc(32, 2)) })
  expect(macs.faultOf('fence', row)).toBe('forged')
})
