// Small changes of a valid body: a member less, another type, a text that is too long. Each is data, so that a failure shrinks.
import fc from 'fast-check'
import { canary } from './canaries.ts'

export interface Mutation {
  /** Which of the values in the body, counted in their order. */
  at: number
  /** Stands there instead; undefined: nothing does. */
  instead: unknown
  /** The name of a member besides those that are there. A secret stands in names alone: as a value it may be a name that is shown. */
  more: string | undefined
}

const longText = 'l'.repeat(5_000)
const deep = JSON.parse('['.repeat(40) + ']'.repeat(40)) as unknown

const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e300, '', [], {}, longText, deep, undefined),
  fc.constantFrom(
    '\u0000',
    '\u202e',
    '\ud800',
    '../..',
    '%00',
    '__proto__',
    '$nothing',
    'none',
    'é'.repeat(65),
  ),
  fc.jsonValue({ maxDepth: 1 }),
)

export const mutations: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(12),
  instead: odd,
  more: fc.option(
    fc.oneof(fc.constantFrom('__proto__', 'constructor', 'toString', 'extra', ''), fc.nat(9_999).map(canary)),
    { nil: undefined, freq: 2 },
  ),
})

export function mutate(value: unknown, { at, instead, more }: Mutation): unknown {
  let left = at
  function visit(each: unknown): unknown {
    if (left-- === 0) return more === undefined ? instead : withMember(each, more, instead)
    if (Array.isArray(each)) return each.map(visit)
    if (typeof each !== 'object' || each === null) return each
    return Object.fromEntries(Object.entries(each).map(([name, member]) => [name, visit(member)]))
  }
  return visit(value)
}

function withMember(value: unknown, name: string, member: unknown): unknown {
  if (typeof value !== 'object' || value === null) return member
  if (Array.isArray(value)) return [...(value as unknown[]), member]
  // Not by an assignment: `__proto__` is to be a member.
  return Object.fromEntries([...Object.entries(value), [name, member]])
}
