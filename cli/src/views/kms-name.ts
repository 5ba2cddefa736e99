// The internal KMS by Keyhold's own name. On the wire it has the names that the original's clients know.

export const internalKms = 'internal KMS'

const namesOnTheWire: ReadonlySet<string> = new Set([
  'Qlik Internal Kms',
  '#QLIK_MANAGED_KEY_PROVIDER#',
  'Qlik',
])

/** The name or ARN of a key for people. */
export function kmsName(name: string): string {
  // A migration away from the internal KMS names it by a handle that says nothing.
  return namesOnTheWire.has(name) || /^v1:[^:]*:[^:]*$/.test(name) ? internalKms : name
}
