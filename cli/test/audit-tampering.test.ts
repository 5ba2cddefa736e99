// Every change of a chain is found, whether its hashes are left alone or computed again: a thousand random changes.
import type { Audit } from '@keyhold/client'
import fc from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import { verifyChain } from '../src/audits/verify-chain.ts'
import { chained, headOf, record } from './audit-chain.ts'

const numRuns = 1_000

function verify(audits: Audit[], head: Audit[], kept?: Audit[]): Promise<void> {
  const source = {
    async *pages(after: number) {
      yield await Promise.resolve({ audits: audits.slice(after, after + 2) })
      yield await Promise.resolve({ audits: audits.slice(after + 2) })
    },
    head: () => Promise.resolve(headOf(head)),
  }
  return verifyChain(source, headOf(head).head, kept && headOf(kept).head)
}

const text = fc.string({ maxLength: 8 })
const field: fc.Arbitrary<Partial<Audit>> = fc.oneof(
  text.map((id) => ({ actor: { id } })),
  text.map((role) => ({ actor: { id: 'abcdefghij012345', role } })),
  text.map((action) => ({ action: action as Audit['action'] })),
  fc.tuple(text, text).map(([kind, id]) => ({ target: { kind, id } })),
  fc.oneof(text, fc.constant(undefined)).map((traceId) => ({ traceId }) as Partial<Audit>),
  fc.dictionary(text, text, { noNullPrototype: true }).map((details) => ({ details })),
  fc.uuid().map((id) => ({ id })),
  fc.date({ noInvalidDate: true }).map((at) => ({ at: at.toISOString() })),
  fc.nat(10).map((sequence) => ({ sequence })),
  text.map((tenantId) => ({ tenantId })),
  fc.stringMatching(/^[0-9a-f]{64}$/).map((hash) => ({ hash })),
)

type Tampering = (audits: Audit[]) => Audit[]

const tampering: fc.Arbitrary<Tampering> = fc.oneof(
  fc.tuple(fc.nat(7), field).map(([place, changes]): Tampering => {
    return (audits) =>
      audits.map((audit, at) => (at === place % audits.length ? { ...audit, ...changes } : audit))
  }),
  fc.nat(7).map(
    (place): Tampering =>
      (audits) =>
        audits.toSpliced(place % audits.length, 1),
  ),
  fc.tuple(fc.nat(7), fc.nat(7)).map(([from, to]): Tampering => {
    return (audits) => {
      const [one, other] = [from % audits.length, to % audits.length]
      return audits.map(
        (audit, at) => (at === one ? audits[other] : at === other ? audits[one] : audit) ?? audit,
      )
    }
  }),
  fc.tuple(fc.nat(7), fc.nat(7)).map(([from, to]): Tampering => {
    return (audits) =>
      audits.toSpliced(to % audits.length, 0, audits[from % audits.length] ?? audits[0] ?? ({} as Audit))
  }),
)

const length = fc.integer({ min: 1, max: 8 })
const chainOf = (records: number) => chained(Array.from({ length: records }, (_, index) => record(index + 1)))

async function isFound(work: Promise<void>): Promise<boolean> {
  return work.then(
    () => false,
    (error: unknown) => (error as { code?: string }).code === 'ERR_CLI_AUDIT_BROKEN',
  )
}

test('hashes left alone', async () => {
  await fc.assert(
    fc.asyncProperty(length, tampering, async (records, tamper) => {
      const honest = chainOf(records)
      const found = tamper(honest)
      fc.pre(!isDeepStrictEqual(found, honest))
      await verify(honest, honest, honest)

      // The head says nothing about the records after its last one.
      const isLonger = isDeepStrictEqual(found.slice(0, records), honest)
      expect(await isFound(verify(found, honest))).toBe(!isLonger)
    }),
    { numRuns },
  )
})

test('hashes and head computed again, against a head that was kept', async () => {
  await fc.assert(
    fc.asyncProperty(length, tampering, async (records, tamper) => {
      const honest = chainOf(records)
      const forged = chained(tamper(honest).map((audit) => ({ ...audit, tenantId: 'acme' })))
      fc.pre(!isDeepStrictEqual(forged.slice(0, records), honest))
      fc.pre(forged.every(({ id, at }) => /^[0-9a-f-]{36}$/.test(id) && at >= '1970' && at < '9999'))

      expect(await isFound(verify(forged, forged))).toBe(false)
      expect(await isFound(verify(forged, forged, honest))).toBe(true)
    }),
    { numRuns },
  )
})
