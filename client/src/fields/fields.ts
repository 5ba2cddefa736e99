// Encrypts some fields of the application's own records. Each is bound to its table, column and record, so that a token
// does not decrypt in another row or column.
import { memberOf } from '../checks/member-of.ts'
import { functionReader, readSignal } from '../checks/option-readers.ts'
import { readBoundText } from '../checks/read-bound-text.ts'
import { readList } from '../checks/read-list.ts'
import { optional, readMembers, readOptions } from '../checks/read-members.ts'
import type { ItemCipher, PlainItem, TokenItem } from '../item-cipher.ts'
import { inField, itemResult, KeyholdItemError, valueOf, type ItemResult } from '../keyhold-item-error.ts'
import type { SignalOption } from '../value-cipher.ts'
import { decodeFieldValue, encodeFieldValue } from './field-value.ts'
import { checkIdStays, placeRecord, type PlacedField, type PlacedRecord } from './place-record.ts'
import { readPaths, type FieldPath, type RecordCopy } from './record-path.ts'

export interface FieldsOptions<Plain> {
  /** The name of the table, collection or type of record. */
  table: string
  /**
   * Answers the record's id, a string that is not empty. It is called for records before and after encryption, so the
   * id cannot be an encrypted field. The id must never change: under another one the fields do not decrypt. If the
   * database makes the ids, get the id first and encrypt the record then.
   */
  id: (record: Plain) => string
  /** The name of the data key; not for local encryption, whose keys have none. */
  keyName?: string
}

/**
 * Encrypts and decrypts records, which are plain objects. Every method answers copies and leaves the caller's records
 * as they are. The caller may change them during the call.
 */
export interface Fields<Plain, Stored> {
  /**
   * A copy with tokens in place of the fields; null and missing fields are left alone.
   *
   * @throws KeyholdClientError for a value that a field cannot have, and for a record without an id; KeyholdItemError
   */
  encrypt(record: Plain, options?: SignalOption): Promise<Stored>
  /**
   * A copy with the fields' values again, each of the type that it had.
   *
   * @throws KeyholdItemError, KeyholdClientError
   */
  decrypt(record: Stored, options?: SignalOption): Promise<Plain>
  /** Many records in as few requests as possible, one result for each: a bad record does not fail the others. */
  encryptMany(records: readonly Plain[], options?: SignalOption): Promise<ItemResult<Stored>[]>
  decryptMany(records: readonly Stored[], options?: SignalOption): Promise<ItemResult<Plain>[]>
}

type Items<Item> = readonly ItemResult<Item>[]

/** Encryption or decryption: the item that each field becomes, and the call for all items. */
interface Transform<Item> {
  toItem: (field: PlacedField, member: string) => Item
  run: (items: Items<Item>, signal: AbortSignal | undefined) => Promise<Items<unknown>>
  /** Called when the results are in their places. */
  check: (record: PlacedRecord) => void
}

/** @throws KeyholdClientError for paths that are empty or contain one another, and for options */
export function fields<Plain extends object, Stored extends object = Plain>(
  cipher: ItemCipher,
  givenPaths: readonly string[],
  givenOptions: FieldsOptions<Plain>,
): Fields<Plain, Stored> {
  const paths = readPaths(givenPaths)
  const { keyName, ...options } = readMembers(givenOptions, 'options', {
    table: (value, member) => readBoundText(value, member, 'ERR_CLIENT_OPTION_INVALID'),
    id: functionReader<(record: RecordCopy) => unknown>(),
    keyName: cipher.readKeyName,
  })
  const binding = { ...options, paths }

  const encryption: Transform<PlainItem> = {
    toItem({ path, value, context }, member) {
      const at = path.segments.reduce(memberOf, member)
      const plaintext = itemResult(() => encodeFieldValue(value, at, cipher.maxPlaintextBytes))
      return { plaintext: valueOf(ofField(plaintext, path)), context, keyName }
    },
    run: (items, signal) => cipher.encryptItems(items, signal),
    check(record) {
      checkIdStays(record, binding)
    },
  }

  const decryption: Transform<TokenItem> = {
    // Anything but text is no token: that record alone is refused.
    toItem: ({ value, context }) => ({ token: typeof value === 'string' ? value : '', context }),
    async run(items, signal) {
      const results = await cipher.decryptItems(items, signal)
      return results.map((result) => (result.error === undefined ? decodeFieldValue(result.value) : result))
    },
    check: () => undefined,
  }

  async function transformAll<To extends object, Item>(
    { toItem, run, check }: Transform<Item>,
    records: readonly unknown[],
    nameOf: (index: number) => string,
    callOptions: unknown,
  ): Promise<ItemResult<To>[]> {
    const { signal } = readOptions(callOptions, { signal: optional(readSignal) })
    const placed = records.map((record, index) =>
      itemResult(() => {
        const whole = placeRecord(record, nameOf(index), binding)
        return { ...whole, items: whole.fields.map((field) => toItem(field, whole.member)) }
      }),
    )
    const items = placed.flatMap(({ value }) => value?.items ?? [])
    const results = await run(
      items.map((value) => ({ value })),
      signal,
    )
    let next = 0
    return placed.map((record) => {
      if (record.error !== undefined) return record
      const own = results.slice(next, (next += record.value.fields.length))
      return itemResult(() => {
        fillIn(record.value, own)
        check(record.value)
        // Only the caller knows the types of the fields before and after.
        return record.value.copy as To
      })
    })
  }

  async function many<To extends object, Item>(
    transform: Transform<Item>,
    records: unknown,
    callOptions: unknown,
  ): Promise<ItemResult<To>[]> {
    const list = readList(records, 'records', 'ERR_CLIENT_RECORD_INVALID')
    return transformAll(transform, list, (index) => memberOf('records', index), callOptions)
  }

  async function one<To extends object, Item>(
    transform: Transform<Item>,
    record: unknown,
    callOptions: unknown,
  ): Promise<To> {
    const [result] = await transformAll<To, Item>(transform, [record], () => 'record', callOptions)
    return valueOf(result)
  }

  return {
    encryptMany: (records, callOptions) => many(encryption, records, callOptions),
    decryptMany: (records, callOptions) => many(decryption, records, callOptions),
    encrypt: (record, callOptions) => one(encryption, record, callOptions),
    decrypt: (record, callOptions) => one(decryption, record, callOptions),
  }
}

/** Puts results in the places of their fields. @throws KeyholdItemError, KeyholdClientError of the first that failed */
function fillIn({ fields }: PlacedRecord, results: Items<unknown>): void {
  for (const [index, { path, place, name }] of fields.entries())
    place[name] = valueOf(ofField(results[index], path))
}

/** The same result, with the field's path in its error. */
function ofField<Value>(
  result: ItemResult<Value> | undefined,
  path: FieldPath,
): ItemResult<Value> | undefined {
  return result?.error instanceof KeyholdItemError ? { error: inField(result.error, path.text) } : result
}
