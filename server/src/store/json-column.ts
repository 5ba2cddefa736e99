// Columns that hold JSON leave the store typed and checked. A value that does not have its form is an error for callers
// that need the value. The rest of its row and all other rows can be read as before. Members that the form does not name
// stay as they are: a newer version may have written them.
import { KeyholdError, type ErrorCode } from '@keyhold/core'

/** The value of a column, or the error that says what is wrong with it. */
export type JsonColumn<Value> = { value: Value } | { error: KeyholdError }

/** The path of the first member that is wrong, such as `.replicaKeys[0].region`; undefined: none is. */
type Fault = string | undefined

/** The form of a value. */
export interface JsonForm<Value> {
  faultOf(stored: unknown): Fault
  /** Never set: it carries the type. */
  readonly type?: Value
}

type ValueOf<Form> = Form extends JsonForm<infer Value> ? Value : never

function plain<Value>(isOfForm: (stored: unknown) => boolean): JsonForm<Value> {
  return { faultOf: (stored) => (isOfForm(stored) ? undefined : '') }
}

export const text = plain<string>((stored) => typeof stored === 'string')
export const flag = plain<boolean>((stored) => typeof stored === 'boolean')
/** A whole number from 0 on. */
export const count = plain<number>((stored) => Number.isSafeInteger(stored) && (stored as number) >= 0)
/** A time in the form of RFC 3339. */
export const time = plain<string>((stored) => typeof stored === 'string' && !Number.isNaN(Date.parse(stored)))

export function listOf<Item>(item: JsonForm<Item>): JsonForm<Item[]> {
  return {
    faultOf(stored) {
      if (!Array.isArray(stored)) return ''
      for (const [index, each] of stored.entries()) {
        const fault = item.faultOf(each)
        if (fault !== undefined) return `[${index}]${fault}`
      }
      return undefined
    },
  }
}

type Forms = Readonly<Record<string, JsonForm<unknown>>>
type Members<Required extends Forms> = { [Name in keyof Required]: ValueOf<Required[Name]> }

/** An object with these members. */
export function members<Required extends Forms>(required: Required): JsonForm<Members<Required>>
/** An object with these members, of which the optional ones may be absent. */
export function members<Required extends Forms, Optional extends Forms>(
  required: Required,
  optional: Optional,
): JsonForm<Members<Required> & Partial<Members<Optional>>>
export function members(required: Forms, optional: Forms = {}): JsonForm<object> {
  return {
    faultOf(stored) {
      if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) return ''
      const found = new Map(Object.entries(stored))
      for (const [name, form] of Object.entries({ ...required, ...optional })) {
        if (!found.has(name) && !Object.hasOwn(required, name)) continue
        const fault = form.faultOf(found.get(name))
        if (fault !== undefined) return `.${name}${fault}`
      }
      return undefined
    },
  }
}

/** How the values of one column are read. */
export type JsonReader<Value> = (stored: unknown, rowName: string) => JsonColumn<Value> | undefined

/**
 * Makes the reader of a column. It answers undefined where the column is null.
 *
 * @param column - `table.column`
 */
export function jsonReader<Value>(column: string, form: JsonForm<Value>, code: ErrorCode): JsonReader<Value> {
  return (stored, rowName) => {
    if (stored === null || stored === undefined) return undefined
    const fault = form.faultOf(stored)
    if (fault === undefined) return { value: stored as Value }
    // The value itself is not shown, since it may hold anything.
    const message = `The stored value of ${column}${fault} does not have its form, in the row ${rowName}.`
    return { error: new KeyholdError(code, { message }) }
  }
}

/** The value of a column; undefined where it is null. @throws KeyholdError where it does not have its form */
export function valueOf<Value>(column: JsonColumn<Value> | undefined): Value | undefined {
  if (column === undefined) return undefined
  if ('error' in column) throw column.error
  return column.value
}
