// Finds the first fault of a value that its schema refuses. The library's own list of errors goes through every element
// and every member, which takes a quarter of a second for a body of 200 KB. This look ends at the first fault, and lists
// are measured before their elements are looked at.
import Type, { type TArrayOptions, type TSchema } from 'typebox'
import { Check, Errors } from 'typebox/value'

export interface Fault {
  /** A JSON Pointer to what is wrong. It has only names that the schema knows. Empty: the whole value. */
  place: string
  /** Completes the sentence "The member …", such as "must be string". */
  message: string
}

/** Whether a list in the value, outside of other lists, is longer than its schema allows. It looks at no element. */
export function hasTooManyItems(schema: TSchema, value: unknown): boolean {
  if (Type.IsArray(schema)) {
    const { maxItems = Infinity } = schema as Pick<TArrayOptions, 'minItems' | 'maxItems'>
    return Array.isArray(value) && value.length > maxItems
  }
  return (
    Type.IsObject(schema) &&
    isObject(value) &&
    Object.entries(schema.properties).some(
      ([name, member]) => Object.hasOwn(value, name) && hasTooManyItems(member, value[name]),
    )
  )
}

/** @param value - one that `schema` refuses */
export function firstFault(schema: TSchema, value: unknown, place = ''): Fault {
  if (Type.IsArray(schema) && Array.isArray(value)) {
    const { type, items } = schema
    const { minItems, maxItems } = schema as Pick<TArrayOptions, 'minItems' | 'maxItems'>
    const fault = ownFault({ type, ...defined({ minItems, maxItems }) }, value, place)
    if (fault !== undefined) return fault
    const index = value.findIndex((element) => !Check(items, element))
    if (index !== -1) return firstFault(items, value[index], `${place}/${index}`)
  }
  if (Type.IsObject(schema) && isObject(value)) {
    const { type, required, properties } = schema
    const members = Object.entries(properties).filter(([name]) => Object.hasOwn(value, name))
    const tooLong = members.find(([name, member]) => hasTooManyItems(member, value[name]))
    const fault = tooLong === undefined ? ownFault({ type, required }, value, place) : undefined
    if (fault !== undefined) return fault
    const wrong = tooLong ?? members.find(([name, member]) => !Check(member, value[name]))
    if (wrong !== undefined) return firstFault(wrong[1], value[wrong[0]], `${place}/${wrong[0]}`)
    // The caller made up the names of the others, so they are not repeated.
    return { place, message: 'must not have additional properties' }
  }
  return ownFault(schema, value, place) ?? { place, message: 'is not valid' }
}

// A fault of the value itself, where the schema says nothing about elements and members.
function ownFault(schema: TSchema, value: unknown, place: string): Fault | undefined {
  const [first] = Errors(schema, value)
  if (first === undefined) return undefined
  // A long pattern is for machines. Examples tell a person more.
  const { examples } = schema as { examples?: unknown }
  const message =
    first.keyword === 'pattern' && Array.isArray(examples)
      ? `must be written as in these examples: ${examples.join(', ')}`
      : (allowedValues(schema) ?? first.message)
  return { place: place + first.instancePath, message }
}

/** Only where the schema is nothing but a choice of values. */
function allowedValues(schema: TSchema): string | undefined {
  const choices = Type.IsUnion(schema) ? schema.anyOf : [schema]
  if (!choices.every((choice) => Type.IsLiteral(choice))) return undefined
  const names = choices.map((choice) => JSON.stringify(choice.const))
  return names.length === 1 ? `must be ${names.join('')}` : `must be one of ${names.join(', ')}`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function defined(bounds: Record<string, number | undefined>): Record<string, number> {
  return Object.fromEntries(Object.entries(bounds).filter(([, bound]) => bound !== undefined)) as Record<
    string,
    number
  >
}
