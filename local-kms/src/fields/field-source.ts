// The members of a request's body, with the types and the limits that the service model gives them. A member of a wrong
// type ends the request at once; broken limits are collected, because AWS names them all in one answer.
import { isJsonObject } from '../json-object.ts'
import { KmsError, serializationError } from '../kms-error.ts'

export interface FieldSource {
  values: ReadonlyMap<string, unknown>
  /** The broken limits, in AWS's words. */
  violations: string[]
}

export interface Limits {
  min?: number
  max?: number
}

/** @throws KmsError SerializationException for a body that is no object */
export function openFieldSource(body: unknown): FieldSource {
  if (!isJsonObject(body)) {
    throw serializationError('Start of structure or map found where not expected.')
  }
  return { values: new Map(Object.entries(body)), violations: [] }
}

/** Undefined for an absent member, and for null, which AWS treats alike. */
export function findField(source: FieldSource, name: string): unknown {
  return source.values.get(name) ?? undefined
}

/** @throws KmsError SerializationException for a wrong type */
export function findTypedField<T>(
  source: FieldSource,
  name: string,
  type: string,
  isType: (value: unknown) => value is T,
): T | undefined {
  const value = findField(source, name)
  if (value === undefined || isType(value)) return value
  throw notConvertible(value, type)
}

export function notConvertible(value: unknown, type: string): KmsError {
  const article = type === 'Integer' ? 'an' : 'a'
  return serializationError(`${jsonType(value)} can not be converted to ${article} ${type}`)
}

/** @param shown - how the message shows the value, which may be secret */
export function violate(source: FieldSource, name: string, shown: string, must: string): void {
  source.violations.push(
    `${shown} at '${lowerFirst(name)}' failed to satisfy constraint: Member must ${must}`,
  )
}

/** Records that a member is missing, and answers what stands in for it until the request is refused. */
export function missing<T>(source: FieldSource, name: string, placeholder: T): T {
  violate(source, name, 'Value null', 'not be null')
  return placeholder
}

export function checkLength(
  source: FieldSource,
  name: string,
  shown: string,
  length: number,
  { min = 0, max = Infinity }: Limits,
): void {
  if (length < min) violate(source, name, shown, `have length greater than or equal to ${min}`)
  if (length > max) violate(source, name, shown, `have length less than or equal to ${max}`)
}

export function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1)
}

function jsonType(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'TRUE_VALUE' : 'FALSE_VALUE'
  if (typeof value === 'number') return 'NUMBER_VALUE'
  if (typeof value === 'string') return 'STRING_VALUE'
  return Array.isArray(value) ? 'START_ARRAY' : 'START_OBJECT'
}
