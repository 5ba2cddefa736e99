// The refusal of one item of many, while the others went well. Tell them apart by `code`.
import { readString } from './checks/option-readers.ts'
import { optional, readMembers } from './checks/read-members.ts'
import { KeyholdClientError } from './keyhold-client-error.ts'

interface ItemRefusal {
  code: string
  title: string
  detail?: string | undefined
}

const refusalReaders = { code: readString, title: readString, detail: optional(readString) } as const

/** Why one value could not be encrypted, decrypted or re-encrypted. */
export class KeyholdItemError extends Error {
  /** A code of Keyhold's error table, such as `ERR_DECRYPTION_FAILED`. */
  readonly code: string
  /** What the code means. */
  readonly title: string
  /** What is particular to this occasion. */
  readonly detail: string | undefined
  /** The path of the field, where it was a field of a record. */
  readonly field: string | undefined

  /** @throws KeyholdClientError for a refusal that is none */
  constructor(refusal: ItemRefusal, field?: string) {
    const { code, title, detail } = readMembers(refusal, 'refusal', refusalReaders)
    optional(readString)(field, 'field')
    super((field === undefined ? '' : `the field "${field}": `) + (detail ?? title))
    this.name = 'KeyholdItemError'
    this.code = code
    this.title = title
    this.detail = detail
    this.field = field
  }
}

/** The same refusal, of a field of a record. */
export function inField({ code, title, detail }: KeyholdItemError, field: string): KeyholdItemError {
  return new KeyholdItemError({ code, title, detail }, field)
}

/** What became of one item. A KeyholdClientError says that the item itself is wrong, and which member of it. */
export type ItemResult<Value> =
  { value: Value; error?: undefined } | { value?: undefined; error: KeyholdItemError | KeyholdClientError }

/** The result of an action that refuses an item by throwing. @throws what is no refusal of an item */
export function itemResult<Value>(action: () => Value): ItemResult<Value> {
  try {
    return { value: action() }
  } catch (error) {
    if (error instanceof KeyholdItemError || error instanceof KeyholdClientError) return { error }
    throw error
  }
}

/** The value. @throws KeyholdItemError, KeyholdClientError */
export function valueOf<Value>(result: ItemResult<Value> | undefined): Value {
  if (result === undefined) throw new KeyholdClientError('ERR_CLIENT_BAD_REPLY', 'the answer lacks this item')
  if (result.error !== undefined) throw result.error
  return result.value
}
