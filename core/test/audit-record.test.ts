// Compares the bytes of audit records with answers of an independent implementation, and shows that every change of a
// record, and every move of text to a neighbouring field, changes the hash.
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

describe('the hash', () => {
  test.each<[string, Partial<AuditRecord>]>([
    ['another tenant', { tenantId: 'x' }],
    ['no tenant', { tenantId: undefined }],
    ['another sequence', { sequence: 2 }],
    ['another id', { id: '01890000-0000-7000-8000-000000000001' }],
    ['another time', { at: new Date(1_767_323_045_679) }],
    ['another actor', { actorId: 'x' }],
    ['no role', { actorRole: undefined }],
    ['another action', { action: 'x' }],
    ['another kind of target', { targetKind: 'x' }],
    ['another target', { targetId: 'x' }],
    ['no trace id', { traceId: undefined }],
    ['another detail', { details: { h: 'x', j: 'k' } }],
    ['one detail less', { details: { h: 'i' } }],
    ['another name of a detail', { details: { x: 'i', j: 'k' } }],
    ['a text moved to its neighbour', { actorId: 'bc', actorRole: '' }],
    ['two details in one', { details: { h: 'ij', k: '' } }],
  ])('changes with %s', (_, changes) => {
    expect(hash(changes)).not.toBe(hash())
  })

  test('changes with the record before', () => {
    expect(hash({}, Buffer.alloc(32, 1))).not.toBe(hash())
  })

  test('does not depend on the order of the details', () => {
    expect(hash({ details: { j: 'k', h: 'i' } })).toBe(hash())
  })

  test('differs for any two records whose texts differ', () => {
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

describe('an invalid record is refused', () => {
  test.each<[string, Partial<AuditRecord>]>([
    ['sequence 0', { sequence: 0 }],
    ['half a sequence', { sequence: 1.5 }],
    ['an invalid id', { id: 'x' }],
    ['an invalid time', { at: new Date('never') }],
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

test('the names of all actions have one form', () => {
  for (const action of auditActionNames) expect(action).toMatch(/^[a-z]+\.[a-z]+(-[a-z]+)*$/)
})
