// The refusal of one item of many, while the others went well. Tell them apart by `code`.

interface ItemRefusal {
  code: string
  title: string
  detail?: string | undefined
}

/** Why one value could not be encrypted, decrypted or re-encrypted. */
export class KeyholdItemError extends Error {
  /** A code of Keyhold's error table, such as `ERR_DECRYPTION_FAILED`. */
  readonly code: string
  /** What the code means. */
  readonly title: string
  /** What is particular to this occasion. */
  readonly detail: string | undefined
  /** The path of the field, where fields of records are meant. */
  readonly field: string | undefined

  constructor({ code, title, detail }: ItemRefusal, field?: string) {
    super((field === undefined ? '' : `the field "${field}": `) + (detail ?? title))
    this.name = 'KeyholdItemError'
    this.code = code
    this.title = title
    this.detail = detail
    this.field = field
  }
}

/** What became of one item. */
export type ItemResult<Value> =
  { value: Value; error?: undefined } | { value?: undefined; error: KeyholdItemError }

/** The value. @throws KeyholdItemError */
export function valueOf<Value>(result: ItemResult<Value> | undefined): Value {
  if (result === undefined) throw new RangeError('there is no such item')
  if (result.error !== undefined) throw result.error
  return result.value
}
