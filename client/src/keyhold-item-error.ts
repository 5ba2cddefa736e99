// The refusal of one item among many, which does not fail the others.
import { readString } from './checks/option-readers.ts'
import { optional, readMembers } from './checks/read-members.ts'
import { KeyholdClientError } from './keyhold-client-error.ts'

interface ItemRefusal {
  code: string
  title: string
  detail?: string | undefined
}

const refusalReaders = { code: readString, title: readString, detail: optional(readString) } as const

/** The reason why one value could not be encrypted, decrypted or re-encrypted. Tell the cases apart by `code`. */
export class KeyholdItemError extends Error {
  /** A code of Keyhold's error table, such as `ERR_DECRYPTION_FAILED`. */
  readonly code: string
  /** The meaning of the code. */
  readonly title: string
  /** The particulars of this occasion. */
  readonly detail: string | undefined
  /** The field's path, for a field of a record. */
  readonly field: string | undefined

  /** @throws KeyholdClientError for wrong arguments */
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

/** The same refusal, with the path of the field. */
export function inField({ code, title, detail }: KeyholdItemError, field: string): KeyholdItemError {
  return new KeyholdItemError({ code, title, detail }, field)
}

/** The outcome of one item. A KeyholdClientError says that the item itself is wrong, and which member of it. */
export type ItemResult<Value> =
  | { value: Value; error?: undefined }
  | { value?: undefined; error: KeyholdItemError | KeyholdClientError }

/** The result of an action that throws where it refuses an item. @throws any other error of the action */
export function itemResult<Value>(action: () => Value): ItemResult<Value> {
  try {
    return { value: action() }
  } catch (error) {
    if (error instanceof KeyholdItemError || error instanceof KeyholdClientError) return { error }
    throw error
  }
}

/** The value of a result. @throws KeyholdItemError, KeyholdClientError */
export function valueOf<Value>(result: ItemResult<Value> | undefined): Value {
  if (result === undefined) throw new KeyholdClientError('ERR_CLIENT_BAD_REPLY', 'the answer lacks this item')
  if (result.error !== undefined) throw result.error
  return result.value
}
