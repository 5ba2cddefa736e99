// Rows that are not as Keyhold wrote them: each is counted, and the log is not flooded.
import { keyFromBytes } from '@keyhold/core'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createEventCounts } from '../../src/metrics/event-counts.ts'
import { createReportedRowMacs } from '../../src/wiring/open-row-macs.ts'

function macsOf(requiresMacs: boolean) {
  const lines: Record<string, unknown>[] = []
  const write = (line: string) => lines.push(JSON.parse(line) as never)
  const events = createEventCounts()
  const { macs } = createReportedRowMacs(pino({ level: 'warn' }, { write }), events)
  macs.open({
    rootKeyId: '00112233aabbccdd',
    rootKey: keyFromBytes(Buffer.alloc(32, 1)),
    installationId: '11111111-1111-4111-8111-111111111111',
    requiresMacs,
  })
  return { macs, lines, events }
}

const head = (chain: string) => ({ chain, hash: Buffer.alloc(32, 5), sequence: 1, mac: null })
const record = (chain: string) => ({ ...head(chain), mac: Buffer.alloc(41, 1) })

test('before the adoption a kind with unsigned rows is told of once, and each row with a wrong MAC', () => {
  const { macs, lines, events } = macsOf(false)
  for (const chain of ['a', 'b', 'a']) macs.verify('auditHead', head(chain))
  for (const chain of ['a', 'b', 'a']) macs.verify('audit', head(chain))
  for (const chain of ['a', 'b', 'a'])
    macs.verify('auditHead', { ...head(chain), mac: macs.sign('audit', head(chain)) })
  expect(lines.map(({ kind, key, level }) => [kind, key, level])).toEqual([
    ['auditHead', undefined, 40],
    ['audit', undefined, 40],
    ['auditHead', 'a', 40],
    ['auditHead', 'b', 40],
  ])
  for (const { msg } of lines) expect(msg).toContain('keyhold-server integrity adopt')
  expect(events.tallies.faultyRows.samples().map(({ value }) => value)).toEqual([3, 3, 3])
})

test('once MACs are required each row is told of that decides nothing any more', () => {
  const { macs, lines } = macsOf(true)
  for (const chain of ['a', 'b', 'a']) {
    expect(() => macs.verify('auditHead', head(chain))).toThrow(
      expect.objectContaining({ code: 'ERR_RECORD_NOT_AUTHENTIC' }),
    )
  }
  expect(lines.map(({ key, fault, level }) => [key, fault, level])).toEqual([
    ['a', 'unsigned', 50],
    ['b', 'unsigned', 50],
  ])
})

test('a flood of rows fills no log, and hides no row of another tenant', () => {
  const { macs, lines, events } = macsOf(true)
  const met = (tenantId: string, fingerprint: string) => {
    const row = { tenant_id: tenantId, fingerprint }
    expect(() => {
      macs.reject('keyProvider', row, 'forged')
    }).toThrow()
  }
  for (let row = 0; row < 300; row++) met('a', String(row))
  met('b', 'f'.repeat(100_000))
  expect(lines).toHaveLength(102)
  expect(lines.slice(99).map(({ tenantId, key }) => [tenantId, String(key).length])).toEqual([
    [undefined, 'a/99'.length],
    ['a', 'undefined'.length],
    [undefined, 512],
  ])
  expect(events.tallies.faultyRows.samples().map(({ value }) => value)).toEqual([301])
})

test('a cipherkey that does not open is one of its tenant', () => {
  const { macs, lines } = macsOf(true)
  for (let row = 0; row < 101; row++) macs.tellUnopened({ tenantId: 't', dataKeyId: 'd', version: row })
  expect(lines.at(-1)).toMatchObject({ tenantId: 't' })
  macs.tellUnopened({ tenantId: 'other', dataKeyId: 'd', version: 1 })
  expect(lines.at(-1)).toMatchObject({ kind: 'cipherkey', key: 'other/d/1' })
})

test('a row under a root key that this replica does not hold is the fault of the replica, before and after the adoption', () => {
  for (const requiresMacs of [false, true]) {
    const { macs, lines, events } = macsOf(requiresMacs)
    expect(() => macs.verify('audit', record('a'))).toThrow(
      expect.objectContaining({ code: 'ERR_ROOT_KEY_OUTDATED' }),
    )
    expect(() => macs.verify('audit', record('b'))).toThrow()
    expect(macs.inspect('audit', record('a'))).toBe('outdated')
    // It is no faulty row, and the log says once which root key is missing.
    expect(events.tallies.faultyRows.samples()).toEqual([])
    expect(lines).toMatchObject([
      { table: 'audits', code: 'ERR_ROOT_KEY_OUTDATED', rootKeyId: '01'.repeat(8), level: 50 },
    ])
  }
})
