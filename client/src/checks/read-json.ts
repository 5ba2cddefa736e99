// Copies a request's body into values that JSON can write. JSON.stringify would leave out functions, and write NaN as
// null and a Map as an empty object; they are refused here.
import { memberOf } from './member-of.ts'
import { plainEntries } from './plain-entries.ts'
import { isList, readList } from './read-list.ts'
import { wrongMember } from './wrong-member.ts'

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

const code = 'ERR_CLIENT_BODY_INVALID'

// Far more than any route needs, and far less than the stack holds.
const deepest = 64

/** A member that is undefined counts as absent. @throws KeyholdClientError `ERR_CLIENT_BODY_INVALID` */
export function readJson(value: unknown, member: string, depth = 0): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (typeof value !== 'object') throw wrongMember(code, member, 'a value that JSON can write')
  if (depth === deepest) throw wrongMember(code, member, `at most ${deepest} objects inside each other`)
  if (isList(value))
    return readList(value, member, code).map((each, index) =>
      readJson(each, memberOf(member, index), depth + 1),
    )
  const entries = plainEntries(value, code, member).filter(([, each]) => each !== undefined)
  return Object.fromEntries(
    entries.map(([name, each]) => [name, readJson(each, memberOf(member, name), depth + 1)]),
  )
}
