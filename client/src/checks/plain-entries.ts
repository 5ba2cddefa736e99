// How an object of the caller's is read: its own enumerable members, each once. A getter or a proxy may answer another
// reading with something else, so what was checked is what is used.
import type { MemberErrorCode } from '../keyhold-client-error.ts'
import { wrongMember } from './wrong-member.ts'

/**
 * The members of a plain object, by name.
 *
 * @throws KeyholdClientError with `code` for any other value, and for an object that throws when it is read
 */
export function plainEntries(value: unknown, code: MemberErrorCode, member: string): [string, unknown][] {
  let entries: [string, unknown][] | undefined
  try {
    entries = isPlainObject(value) ? ownEntries(value) : undefined
  } catch (cause) {
    throw wrongMember(code, member, 'an object that can be read', cause)
  }
  if (entries === undefined) throw wrongMember(code, member, 'a plain object')
  return entries
}

/**
 * Made of braces or by JSON.parse, in whatever realm. A Map or an instance of a class keeps its content elsewhere, and
 * inherited members are easily overlooked.
 */
function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || isObjectPrototype(prototype)
}

function isObjectPrototype(value: unknown): boolean {
  return Object.getPrototypeOf(value) === null && Object.hasOwn(value as object, 'isPrototypeOf')
}

/** Undefined where a member has no name: nothing could carry it, and leaving it out would lose it. */
function ownEntries(value: object): [string, unknown][] | undefined {
  const entries: [string, unknown][] = []
  for (const key of Reflect.ownKeys(value)) {
    if (Reflect.getOwnPropertyDescriptor(value, key)?.enumerable !== true) continue
    if (typeof key === 'symbol') return undefined
    entries.push([key, Reflect.get(value, key)])
  }
  return entries
}
