// Readers for options of simple types.
import { intrinsicGetter } from './intrinsic-getter.ts'
import type { Reader } from './read-members.ts'
import { wrongMember } from './wrong-member.ts'

const code = 'ERR_CLIENT_OPTION_INVALID'
const isAborted = intrinsicGetter(AbortSignal.prototype, 'aborted')

// Timers treat longer times as one millisecond.
const longestTimerMs = 2 ** 31 - 1

export const readMilliseconds = wholeNumberReader(1, longestTimerMs)

/** Accepts only true and false: the text "false" would count as true. */
export function readFlag(value: unknown, member: string): boolean {
  if (typeof value === 'boolean') return value
  throw wrongMember(code, member, 'true or false')
}

export function readString(value: unknown, member: string): string {
  if (typeof value === 'string') return value
  throw wrongMember(code, member, 'a string')
}

export function wholeNumberReader(min: number, max = Number.MAX_SAFE_INTEGER): Reader<number> {
  return (value, member) => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value
    const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`
    throw wrongMember(code, member, `a whole number ${range}`)
  }
}

/** The types of the function's arguments and result cannot be checked. */
export function functionReader<Type>(): Reader<Type> {
  return (value, member) => {
    if (typeof value === 'function') return value as Type
    throw wrongMember(code, member, 'a function')
  }
}

export function readSignal(value: unknown, member: string): AbortSignal {
  try {
    isAborted(value)
  } catch {
    throw wrongMember(code, member, 'an AbortSignal')
  }
  return value as AbortSignal
}
