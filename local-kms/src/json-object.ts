// JSON objects that come from outside: requests, policies, files.

/** Members of any name; one that is absent is undefined. */
export type JsonObject = Partial<Record<string, unknown>>

/** Whether `value` is an object, and neither null nor a list. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The name of the first member that is not one of `allowed`. */
export function findUnknownMember(object: JsonObject, allowed: readonly string[]): string | undefined {
  return Object.keys(object).find((name) => !allowed.includes(name))
}
