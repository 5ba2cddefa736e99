// Reads an object of the caller's: its own members, each once. A getter or a proxy may answer differently the next
// time, so the SDK uses the values that it has checked.
import type { MemberErrorCode } from '../keyhold-client-error.ts'
import { wrongMember } from './wrong-member.ts'

/**
 * The members of a plain object, by name.
 *
 * @param hidden - the treatment of members that are not enumerable; only libraries make them
 * @throws KeyholdClientError with `code` for any other value, and for an object that throws when it is read
 */
export function plainEntries(
  value: unknown,
  code: MemberErrorCode,
  member: string,
  hidden: 'refused' | 'left out' = 'refused',
): [string, unknown][] {
  let entries: [string, unknown][] | undefined
  try {
    entries = isPlainObject(value) ? ownEntries(value, hidden) : undefined
  } catch (cause) {
    throw wrongMember(code, member, 'an object that can be read', cause)
  }
  if (entries === undefined) throw wrongMember(code, member, 'a plain object')
  return entries
}

/**
 * Whether the object comes from braces or JSON.parse, in any realm. A Map or an instance of a class keeps its content
 * elsewhere, and inherited members are easily overlooked.
 */
function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || isObjectPrototype(prototype)
}

function isObjectPrototype(value: unknown): boolean {
  return Object.getPrototypeOf(value) === null && Object.hasOwn(value as object, 'isPrototypeOf')
}

/** Undefined where a member would be lost, as one whose name is a symbol: no token can carry it. */
function ownEntries(value: object, hidden: 'refused' | 'left out'): [string, unknown][] | undefined {
  const entries: [string, unknown][] = []
  for (const key of Reflect.ownKeys(value)) {
    const isHidden = Reflect.getOwnPropertyDescriptor(value, key)?.enumerable !== true
    if (isHidden && hidden === 'left out') continue
    if (isHidden || typeof key === 'symbol') return undefined
    entries.push([key, Reflect.get(value, key)])
  }
  return entries
}
