// Encrypting some fields of the application's own records. Each is bound to its table, column and record, so that a
// token that somebody moves to another row or column does not decrypt.
import { memberOf } from './checks/member-of.ts'
import { functionReader, readSignal } from './checks/option-readers.ts'
import { readBoundText } from './checks/read-bound-text.ts'
import { readList } from './checks/read-list.ts'
import { optional, readMembers, readOptions } from './checks/read-members.ts'
import { wrongMember } from './checks/wrong-member.ts'
import { decodeFieldValue, encodeFieldValue } from './field-value.ts'
import type { ItemCipher, PlainItem, TokenItem } from './item-cipher.ts'
import { inField, itemResult, KeyholdItemError, valueOf, type ItemResult } from './keyhold-item-error.ts'
import { copyRecord, placeOf, readPaths, type FieldPath, type RecordCopy } from './record-path.ts'
import type { SignalOption } from './value-cipher.ts'

export interface FieldsOptions<Plain> {
  /** The name of the table, collection or type of record. */
  table: string
  /**
   * The record's id, a string that is not empty. It is read from records before and after encryption alike, so not from
   * an encrypted field. It must never change: what was encrypted under it could not be decrypted. A record that gets its
   * id from the database must have it before it is encrypted.
   */
  id: (record: Plain) => string
  /** The name of the data key; not for local encryption, whose keys have none. */
  keyName?: string
}

/**
 * Encrypts and decrypts records, which are plain objects. The records that are given stay as they are; what happens to
 * them during a call changes nothing.
 */
export interface Fields<Plain, Stored> {
  /**
   * A copy with tokens in place of the fields; null and missing fields are left alone.
   *
   * @throws KeyholdClientError for a value that is no field's, and for a record without an id; KeyholdItemError
   */
  encrypt(record: Plain, options?: SignalOption): Promise<Stored>
  /** A copy with the fields' values again, each of the type that it had. @throws KeyholdItemError, KeyholdClientError */
  decrypt(record: Stored, options?: SignalOption): Promise<Plain>
  /** Many records in as few requests as possible, one result for each: a bad record does not fail the others. */
  encryptMany(records: readonly Plain[], options?: SignalOption): Promise<ItemResult<Stored>[]>
  decryptMany(records: readonly Stored[], options?: SignalOption): Promise<ItemResult<Plain>[]>
}

/** A field of a record's copy, and what is sent of it. */
interface PlacedField<Item> {
  path: FieldPath
  place: RecordCopy
  name: string
  item: Item
}

interface PlacedRecord<Item> {
  copy: RecordCopy
  /** Undefined where there is no field to bind to it. */
  id: string | undefined
  placed: PlacedField<Item>[]
}

/** @throws KeyholdClientError for paths that are empty or contain one another, and for options */
export function fields<Plain extends object, Stored extends object = Plain>(
  cipher: ItemCipher,
  givenPaths: readonly string[],
  givenOptions: FieldsOptions<Plain>,
): Fields<Plain, Stored> {
  const paths = readPaths(givenPaths)
  const { table, id, keyName } = readMembers(givenOptions, 'options', {
    table: (value, member) => readBoundText(value, member, 'ERR_CLIENT_OPTION_INVALID'),
    id: functionReader<(record: RecordCopy) => unknown>(),
    keyName: cipher.readKeyName,
  })

  function idOf(copy: RecordCopy, member: string): string {
    let value: unknown
    try {
      value = id(copy)
    } catch (cause) {
      throw wrongMember('ERR_CLIENT_RECORD_ID_INVALID', `id(${member})`, 'an id, not an error', cause)
    }
    return readBoundText(value, `id(${member})`, 'ERR_CLIENT_RECORD_ID_INVALID')
  }

  function place<Item>(
    record: unknown,
    member: string,
    toItem: (value: unknown, path: FieldPath) => Item,
  ): PlacedRecord<Item & Pick<TokenItem, 'context'>> {
    const copy = copyRecord(record, paths, member)
    const found = paths.flatMap((path) => {
      const [holder, name] = placeOf(copy, path) ?? []
      const value = holder?.[name ?? '']
      return holder === undefined || name === undefined || value === undefined || value === null
        ? []
        : [{ path, place: holder, name, value }]
    })
    const recordId = found.length === 0 ? undefined : idOf(copy, member)
    const placed = found.map(({ value, ...field }) => {
      const context = { table, column: field.path.text, ...(recordId !== undefined && { id: recordId }) }
      return { ...field, item: { ...toItem(value, field.path), context } }
    })
    return { copy, id: recordId, placed }
  }

  function toPlainItem(value: unknown, path: FieldPath, member: string): Omit<PlainItem, 'context'> {
    const at = path.segments.reduce(memberOf, member)
    const result = itemResult(() => encodeFieldValue(value, at, cipher.maxPlaintextBytes))
    return { plaintext: valueOf(ofField(result, path)), keyName }
  }

  async function encryptAll(records: unknown[], members: string[], options: unknown) {
    const { signal } = readOptions(options, { signal: optional(readSignal) })
    const placed = records.map((record, index) => {
      const member = members[index] ?? ''
      return itemResult(() => place(record, member, (value, path) => toPlainItem(value, path, member)))
    })
    const results = await cipher.encryptItems(
      placed.flatMap(({ value }) => value?.placed.map(({ item }) => ({ value: item })) ?? []),
      signal,
    )
    return filledIn<Stored>(placed, results, ({ copy, id: idBefore }, index) => {
      const member = members[index] ?? ''
      // An id that is made anew, or that stands in an encrypted field, will be another one when the record is read.
      if (idBefore !== undefined && idOf(copy, member) !== idBefore)
        throw wrongMember('ERR_CLIENT_RECORD_ID_INVALID', `id(${member})`, 'the same id after encryption')
    })
  }

  async function decryptAll(records: unknown[], members: string[], options: unknown) {
    const { signal } = readOptions(options, { signal: optional(readSignal) })
    const placed = records.map((record, index) =>
      itemResult(() =>
        place(record, members[index] ?? '', (value) => ({
          // What is no text is no token, and is refused as such, alone.
          token: typeof value === 'string' ? value : '',
        })),
      ),
    )
    const fieldsOfAll = placed.flatMap(({ value }) => value?.placed ?? [])
    const results = await cipher.decryptItems(
      fieldsOfAll.map(({ item }) => ({ value: item })),
      signal,
    )
    const values = results.map((result, index) =>
      result.error === undefined
        ? decodeFieldValue(result.value, fieldsOfAll[index]?.path.text ?? '')
        : result,
    )
    return filledIn<Plain>(placed, values, () => undefined)
  }

  const readRecords = (records: unknown): [unknown[], string[]] => {
    const list = readList(records, 'records', 'ERR_CLIENT_RECORD_INVALID')
    return [list, list.map((_, index) => memberOf('records', index))]
  }
  return {
    encryptMany: async (records, options) => encryptAll(...readRecords(records), options),
    decryptMany: async (records, options) => decryptAll(...readRecords(records), options),
    encrypt: async (record, options) => valueOf((await encryptAll([record], ['record'], options))[0]),
    decrypt: async (record, options) => valueOf((await decryptAll([record], ['record'], options))[0]),
  }
}

/** Puts the results, which come in the order of the fields, into the copies of their records. */
function filledIn<To extends object>(
  records: readonly ItemResult<PlacedRecord<unknown>>[],
  results: readonly ItemResult<unknown>[],
  check: (record: PlacedRecord<unknown>, index: number) => void,
): ItemResult<To>[] {
  let next = 0
  return records.map((record, index) => {
    if (record.error !== undefined) return record
    const { copy, placed } = record.value
    const own = results.slice(next, (next += placed.length))
    return itemResult(() => {
      for (const [fieldIndex, { path, place, name }] of placed.entries())
        place[name] = valueOf(ofField(own[fieldIndex], path))
      check(record.value, index)
      // What types the fields have before and after is the caller's knowledge.
      return copy as To
    })
  })
}

/** The same result, with the field's path in its error. */
function ofField<Value>(
  result: ItemResult<Value> | undefined,
  path: FieldPath,
): ItemResult<Value> | undefined {
  return result?.error instanceof KeyholdItemError ? { error: inField(result.error, path.text) } : result
}
