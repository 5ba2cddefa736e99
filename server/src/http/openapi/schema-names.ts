// Schemas that have a name stand once in the document, and all else refers to them: clients that are generated from it name their
// types so.
import { namedSchemas } from '@keyhold/contract/schemas'

const names = new Map<unknown, string>(Object.entries(namedSchemas).map(([name, schema]) => [schema, name]))

/** All schemas that have a name, by their names. */
export function namedComponents(): Record<string, object> {
  return Object.fromEntries(
    Object.entries(namedSchemas).map(([name, schema]) => [name, membersWithNames(schema)]),
  )
}

/** The schema, with a reference wherever it, or a part of it, has a name. */
export function withNames(schema: unknown): unknown {
  const name = names.get(schema)
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` }
  if (Array.isArray(schema)) return schema.map(withNames)
  return typeof schema === 'object' && schema !== null ? membersWithNames(schema) : schema
}

function membersWithNames(schema: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, withNames(value)]))
}
