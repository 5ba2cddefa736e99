// Copies a record and finds its fields, with the context that each is bound to.
import { wrongMember } from '../checks/wrong-member.ts'
import { readBoundText } from '../checks/read-bound-text.ts'
import type { Context } from '../value-cipher.ts'
import { copyRecord, placeOf, type FieldPath, type RecordCopy } from './record-path.ts'

export interface Binding {
  table: string
  paths: readonly FieldPath[]
  /** The caller's function. */
  id: (record: RecordCopy) => unknown
}

/** A field that the record has. */
export interface PlacedField {
  path: FieldPath
  /** The object in the copy that holds it, under `name`. */
  place: RecordCopy
  name: string
  value: unknown
  context: Context
}

export interface PlacedRecord {
  /** The record's name in errors. */
  member: string
  copy: RecordCopy
  /** Undefined where the record has no field to bind to it. */
  id: string | undefined
  fields: PlacedField[]
}

/** @throws KeyholdClientError `ERR_CLIENT_RECORD_INVALID`, `ERR_CLIENT_RECORD_ID_INVALID` */
export function placeRecord(record: unknown, member: string, binding: Binding): PlacedRecord {
  const { table, paths } = binding
  const copy = copyRecord(record, paths, member)
  const found = paths.flatMap((path) => {
    const [place, name] = placeOf(copy, path) ?? []
    if (place === undefined || name === undefined) return []
    const value = place[name]
    return value === undefined || value === null ? [] : [{ path, place, name, value }]
  })
  if (found.length === 0) return { member, copy, id: undefined, fields: [] }
  const id = readRecordId(copy, member, binding)
  const fields = found.map((field) => ({ ...field, context: { table, column: field.path.text, id } }))
  return { member, copy, id, fields }
}

/**
 * Checks that the encrypted record has the same id. It has another one where the id is a new one each time, or is
 * itself an encrypted field.
 *
 * @throws KeyholdClientError `ERR_CLIENT_RECORD_ID_INVALID`
 */
export function checkIdStays({ copy, id, member }: PlacedRecord, binding: Binding): void {
  if (id !== undefined && readRecordId(copy, member, binding) !== id)
    throw wrongMember('ERR_CLIENT_RECORD_ID_INVALID', `id(${member})`, 'the same id after encryption')
}

function readRecordId(copy: RecordCopy, member: string, { id }: Binding): string {
  const code = 'ERR_CLIENT_RECORD_ID_INVALID'
  let value: unknown
  try {
    value = id(copy)
  } catch (cause) {
    throw wrongMember(code, `id(${member})`, 'an id, not an error', cause)
  }
  return readBoundText(value, `id(${member})`, code)
}
