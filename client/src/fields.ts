// Encrypting some fields of the application's own records. Each is bound to its table, column and record, so that a
// token that somebody moves to another row or column does not decrypt.
import { decodeFieldValue, encodeFieldValue } from './field-value.ts'
import { KeyholdItemError, valueOf, type ItemResult } from './keyhold-item-error.ts'
import { checkPaths, getField, replaceFields, type FieldPath } from './record-path.ts'
import type { Context, SignalOption, ValueCipher } from './value-cipher.ts'

export interface FieldsOptions<Plain> {
  /** The name of the table, collection or type of record. */
  table: string
  /**
   * The record's id, read from records before and after encryption alike, so not from an encrypted field. It must never
   * change: what was encrypted under it could not be decrypted.
   */
  id: (record: Plain) => string
  /** The name of the data key; not for local encryption, whose keys have none. */
  keyName?: string
}

/** Encrypts and decrypts records. The records that are given stay as they are. */
export interface Fields<Plain, Stored> {
  /** A copy with tokens in place of the fields; null and missing fields are left alone. @throws KeyholdItemError */
  encrypt(record: Plain, options?: SignalOption): Promise<Stored>
  /** A copy with the fields' values again, each of the type that it had. @throws KeyholdItemError */
  decrypt(record: Stored, options?: SignalOption): Promise<Plain>
  /** Many records in as few requests as possible, one result for each: a bad record does not fail the others. */
  encryptMany(records: readonly Plain[], options?: SignalOption): Promise<ItemResult<Stored>[]>
  decryptMany(records: readonly Stored[], options?: SignalOption): Promise<ItemResult<Plain>[]>
}

interface PlacedField {
  recordIndex: number
  path: FieldPath
  value: unknown
  context: Context
}

/** @throws TypeError for paths that are empty or contain one another */
export function fields<Plain extends object, Stored extends object = Plain>(
  cipher: ValueCipher,
  pathTexts: readonly string[],
  { table, id, keyName }: FieldsOptions<Plain>,
): Fields<Plain, Stored> {
  const paths = checkPaths(pathTexts)

  function placedFields(records: readonly (Plain | Stored)[]): PlacedField[] {
    return records.flatMap((record, recordIndex) =>
      paths.flatMap((path) => {
        const value = getField(record, path)
        if (value === undefined || value === null) return []
        return [{ recordIndex, path, value, context: { table, column: path.text, id: id(record as Plain) } }]
      }),
    )
  }

  async function encryptMany(
    records: readonly Plain[],
    options?: SignalOption,
  ): Promise<ItemResult<Stored>[]> {
    const placed = placedFields(records)
    const items = placed.map(({ value, path, context }) => ({
      plaintext: encodeFieldValue(value, path.text),
      context,
      ...(keyName !== undefined && { keyName }),
    }))
    return replaced<Stored>(records, placed, await cipher.encryptMany(items, options))
  }

  async function decryptMany(
    records: readonly Stored[],
    options?: SignalOption,
  ): Promise<ItemResult<Plain>[]> {
    const placed = placedFields(records)
    // What is no text is no token, and is refused as such, alone.
    const items = placed.map(({ value, context }) => ({
      token: typeof value === 'string' ? value : '',
      context,
    }))
    const results = await cipher.decryptMany(items, options)
    const values = results.map((result, index) =>
      result.error === undefined ? decodeFieldValue(result.value, placed[index]?.path.text ?? '') : result,
    )
    return replaced<Plain>(records, placed, values)
  }

  return {
    encryptMany,
    decryptMany,
    encrypt: async (record, options) => valueOf((await encryptMany([record], options))[0]),
    decrypt: async (record, options) => valueOf((await decryptMany([record], options))[0]),
  }
}

function replaced<To extends object>(
  records: readonly object[],
  placed: readonly PlacedField[],
  values: readonly ItemResult<unknown>[],
): ItemResult<To>[] {
  const changes = records.map(() => new Map<FieldPath, unknown>())
  const errors = new Map<number, KeyholdItemError>()
  for (const [index, { recordIndex, path }] of placed.entries()) {
    const result = values[index]
    if (result?.error !== undefined) errors.set(recordIndex, new KeyholdItemError(result.error, path.text))
    else changes[recordIndex]?.set(path, result?.value)
  }
  return records.map((record, index) => {
    const error = errors.get(index)
    if (error !== undefined) return { error }
    // What types the fields have before and after is the caller's knowledge.
    return { value: replaceFields(record, changes[index] ?? new Map()) as To }
  })
}
