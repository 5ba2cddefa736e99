// Copies a list of the caller's.
import type { MemberErrorCode } from '../keyhold-client-error.ts'
import { wrongMember } from './wrong-member.ts'

/** @throws KeyholdClientError with `code` for anything but an array, and for an array with holes */
export function readList(value: unknown, member: string, code: MemberErrorCode): unknown[] {
  let list: unknown[] | undefined
  try {
    list = Array.isArray(value) ? copyOf(value) : undefined
  } catch (cause) {
    throw wrongMember(code, member, 'an array that can be read', cause)
  }
  if (list === undefined) throw wrongMember(code, member, 'an array without holes')
  return list
}

/** Array.isArray, but it answers false for a proxy that is revoked. */
export function isList(value: unknown): boolean {
  try {
    return Array.isArray(value)
  } catch {
    return false
  }
}

// By index, because the caller may have replaced the iterator.
function copyOf(list: readonly unknown[]): unknown[] | undefined {
  const copy: unknown[] = []
  const { length } = list
  // A proxy may answer anything.
  if (!Number.isSafeInteger(length)) return undefined
  for (let index = 0; index < length; index++) {
    if (!Object.hasOwn(list, index)) return undefined
    copy.push(list[index])
  }
  return copy
}
