// Reads an object whose members are all known, such as options.
import type { MemberErrorCode } from '../keyhold-client-error.ts'
import { memberOf } from './member-of.ts'
import { plainEntries } from './plain-entries.ts'
import { wrongMember } from './wrong-member.ts'

/** Checks one value, and answers it or a copy that the caller cannot change. @throws KeyholdClientError */
export type Reader<Value> = (value: unknown, member: string) => Value

/** Readers by the names of their members. For an absent member the reader gets undefined. */
export type Readers = Readonly<Record<string, Reader<unknown>>>

export type MembersRead<Known extends Readers> = { [Name in keyof Known]: ReturnType<Known[Name]> }

/**
 * Reads each member once and checks it.
 *
 * @param code - for something else than a plain object
 * @throws KeyholdClientError for a wrong member, and `ERR_CLIENT_OPTION_UNKNOWN` for one without a reader
 */
export function readMembers<const Known extends Readers>(
  value: unknown,
  member: string,
  readers: Known,
  code: MemberErrorCode = 'ERR_CLIENT_OPTION_INVALID',
): MembersRead<Known> {
  const given = new Map(plainEntries(value, code, member))
  for (const name of given.keys())
    if (!Object.hasOwn(readers, name))
      throw wrongMember('ERR_CLIENT_OPTION_UNKNOWN', memberOf(member, name), 'nothing: it is not known here')
  const read = Object.entries(readers).map(([name, reader]) => [
    name,
    reader(given.get(name), memberOf(member, name)),
  ])
  return Object.fromEntries(read) as MembersRead<Known>
}

/** `readMembers` for the options of a call, where every member may be absent. */
export function readOptions<const Known extends Readers>(value: unknown, readers: Known): MembersRead<Known> {
  return readMembers(value === undefined ? {} : value, 'options', readers)
}

/** A reader for a member that may be absent. */
export function optional<Value>(reader: Reader<Value>): Reader<Value | undefined> {
  return (value, member) => (value === undefined ? undefined : reader(value, member))
}
