// The bytes of audit records, against answers of an independent implementation; and that nothing in a record can be
// changed, or moved to the field beside it, without another hash.
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { auditActionNames } from '../src/audit-actions.ts'
import { auditChainStart, auditHash, type AuditRecord } from '../src/audit-record.ts'

interface KnownRecord {
  name: string
  tenantId: string | null
  sequence: number
  id: string
  atMs: number
  actorId: string
  actorRole: string | null
  action: string
  targetKind: string
  targetId: string
  traceId: string | null
  details: Record<string, string>
  previous: string
  hash: string
}

const file = path.join(import.meta.dirname, '../../vectors/known-answers.json')
const { auditRecords } = JSON.parse(readFileSync(file, 'utf8')) as { auditRecords: KnownRecord[] }

const record: AuditRecord = {
  ...{
    tenantId: 'a',
    sequence: 1,
    id: '01890000-0000-7000-8000-000000000000',
    at: new Date(1_767_323_045_678),
  },
  ...{ actorId: 'b', actorRole: 'c', action: 'd', targetKind: 'e', targetId: 'f', traceId: 'g' },
  details: { h: 'i', j: 'k' },
}
const hash = (changes: Partial<AuditRecord> = {}, previous = auditChainStart) =>
  auditHash(previous, { ...record, ...changes }).toString('hex')

describe('known answers', () => {
  test.each(auditRecords)('$name', ({ previous, hash: expected, ...known }) => {
    const { tenantId, actorRole, traceId, atMs, ...same } = known
    const parsed = { ...same, at: new Date(atMs), ...{ tenantId: tenantId ?? undefined } }
    const all = { ...parsed, actorRole: actorRole ?? undefined, traceId: traceId ?? undefined }
    expect(auditHash(Buffer.from(previous, 'hex'), all).toString('hex')).toBe(expected)
  })
})

describe('another hash', () => {
  test.each<[string, Partial<AuditRecord>]>([
    ['tenant', { tenantId: 'x' }],
    ['no tenant', { tenantId: undefined }],
    ['sequence', { sequence: 2 }],
    ['id', { id: '01890000-0000-7000-8000-000000000001' }],
    ['time', { at: new Date(1_767_323_045_679) }],
    ['actor', { actorId: 'x' }],
    ['role', { actorRole: undefined }],
    ['action', { action: 'x' }],
    ['kind of the target', { targetKind: 'x' }],
    ['target', { targetId: 'x' }],
    ['trace id', { traceId: undefined }],
    ['a detail', { details: { h: 'x', j: 'k' } }],
    ['a detail less', { details: { h: 'i' } }],
    ['a name of a detail', { details: { x: 'i', j: 'k' } }],
    ['a text moved to its neighbour', { actorId: 'bc', actorRole: '' }],
    ['two details in one', { details: { h: 'ij', k: '' } }],
  ])('for another %s', (_, changes) => {
    expect(hash(changes)).not.toBe(hash())
  })

  test('after another record', () => {
    expect(hash({}, Buffer.alloc(32, 1))).not.toBe(hash())
  })

  test('and the same one in whatever order details come', () => {
    expect(hash({ details: { j: 'k', h: 'i' } })).toBe(hash())
  })

  test('for any two records that differ in their texts', () => {
    const texts = fc.record({
      ...{ actorId: fc.string(), actorRole: fc.string(), action: fc.string(), targetId: fc.string() },
      details: fc.dictionary(fc.string({ maxLength: 3 }), fc.string({ maxLength: 3 }), {
        noNullPrototype: true,
      }),
    })
    fc.assert(
      fc.property(texts, texts, (one, other) => {
        const isSame = JSON.stringify(sorted(one)) === JSON.stringify(sorted(other))
        expect(hash(one) === hash(other)).toBe(isSame)
      }),
    )
  })
})

function sorted({ details, ...texts }: Pick<AuditRecord, 'details'>) {
  return { ...texts, details: Object.entries(details).sort(([a], [b]) => (a < b ? -1 : 1)) }
}

describe('what is no record is refused', () => {
  test.each<[string, Partial<AuditRecord>]>([
    ['sequence 0', { sequence: 0 }],
    ['half a sequence', { sequence: 1.5 }],
    ['an id that is none', { id: 'x' }],
    ['a time that is none', { at: new Date('never') }],
    ['a time before 1970', { at: new Date(-1) }],
    ['a lone surrogate', { targetId: '\ud800' }],
    ['a lone surrogate in a detail', { details: { x: '\ud800' } }],
    ['a text of 64 KiB', { targetId: 'x'.repeat(65_536) }],
  ])('%s', (_, changes) => {
    expect(() => hash(changes)).toThrow()
  })

  test('a hash of another length', () => {
    expect(() => hash({}, Buffer.alloc(31))).toThrow(RangeError)
  })
})

test('actions are named in one form, and fit', () => {
  for (const action of auditActionNames) expect(action).toMatch(/^[a-z]+\.[a-z]+(-[a-z]+)*$/)
})
