// Paths with dots into plain objects: "ssn", "notes.private".
import { plainEntries } from '../checks/plain-entries.ts'
import { memberOf } from '../checks/member-of.ts'
import { readBoundText } from '../checks/read-bound-text.ts'
import { readList } from '../checks/read-list.ts'
import { wrongMember } from '../checks/wrong-member.ts'

export interface FieldPath {
  text: string
  segments: readonly string[]
}

/** A plain object that the SDK has made. */
export type RecordCopy = Record<string, unknown>

const code = 'ERR_CLIENT_FIELD_PATH_INVALID'

/**
 * @throws KeyholdClientError `ERR_CLIENT_FIELD_PATH_INVALID` for an empty list, an empty segment, a path given twice or
 * inside another one
 */
export function readPaths(value: unknown): FieldPath[] {
  const texts = readList(value, 'paths', code).map((text, index) =>
    readBoundText(text, memberOf('paths', index), code),
  )
  if (texts.length === 0) throw wrongMember(code, 'paths', 'at least one path')
  return texts.map((text, index) => {
    const segments = text.split('.')
    if (segments.some((segment) => segment === '' || segment === '__proto__'))
      throw wrongMember(code, memberOf('paths', index), 'names with dots between them')
    const others = texts.filter((_, otherIndex) => otherIndex !== index)
    if (others.some((other) => other === text || other.startsWith(`${text}.`)))
      throw wrongMember(code, memberOf('paths', index), 'a path that no other path repeats or goes on from')
    return { text, segments }
  })
}

/**
 * A copy of a record and of the objects on the way to its fields; all other objects are shared. Each member is read
 * once, so that the parts of the copy fit together.
 *
 * @throws KeyholdClientError `ERR_CLIENT_RECORD_INVALID` where the record, or an object on the way, is not plain
 */
export function copyRecord(record: unknown, paths: readonly FieldPath[], member: string): RecordCopy {
  const copy = copyObject(record, member)
  const copied = new Set<unknown>()
  for (const { segments } of paths) {
    let place = copy
    let at = member
    for (const segment of segments.slice(0, -1)) {
      at = memberOf(at, segment)
      const next = Object.hasOwn(place, segment) ? place[segment] : undefined
      if (next === undefined || next === null) break
      const own = copied.has(next) ? (next as RecordCopy) : copyObject(next, at)
      copied.add(own)
      place[segment] = own
      place = own
    }
  }
  return copy
}

/** The object that holds the field, and the field's name in it; undefined where the record has no such field. */
export function placeOf(
  copy: RecordCopy,
  { segments }: FieldPath,
): [place: RecordCopy, name: string] | undefined {
  let place: unknown = copy
  const name = segments.at(-1) ?? ''
  for (const segment of segments.slice(0, -1)) {
    if (place === undefined || place === null) return undefined
    place = Object.hasOwn(place, segment) ? (place as RecordCopy)[segment] : undefined
  }
  if (place === undefined || place === null || !Object.hasOwn(place, name)) return undefined
  return [place as RecordCopy, name]
}

function copyObject(value: unknown, member: string): RecordCopy {
  // Hidden members belong to the library that made the record, not to what is stored.
  return Object.fromEntries(plainEntries(value, 'ERR_CLIENT_RECORD_INVALID', member, 'left out'))
}
