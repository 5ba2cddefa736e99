// Rules of both parsers of JSON that go beyond JSON's own.
import { KeyholdError } from '@keyhold/core'

export const jsonLimits = {
  /** The number of objects and lists around a value. The deepest body of any route has four. */
  maxDepth: 32,
  /** The number of values in a body, members and elements. A full batch of items with full contexts has 36,000. */
  maxValues: 100_000,
} as const

/** Whether code that copies members would take this one for a prototype. */
export function isPrototypeMember(name: string, member: unknown): boolean {
  if (name === '__proto__') return true
  return (
    name === 'constructor' &&
    typeof member === 'object' &&
    member !== null &&
    Object.hasOwn(member, 'prototype')
  )
}

/** The one refusal. It says nothing more, because the reason would hold a piece of the text. */
export function invalidJson(): KeyholdError {
  return new KeyholdError('ERR_INVALID_REQUEST')
}
