// The requests of `wrk`, of each operation always the same one.
const value = Buffer.alloc(1_024, 7).toString('base64')
const many = 100

export interface Operation {
  action: 'encrypt' | 'decrypt'
  items: number
}

export const operations = {
  encrypt: { action: 'encrypt', items: 1 },
  decrypt: { action: 'decrypt', items: 1 },
  'encrypt-100': { action: 'encrypt', items: many },
} as const satisfies Record<string, Operation>

export type OperationName = keyof typeof operations

/** @param token - a value of the tenant, for what decrypts */
export function bodyOf({ action, items }: Operation, token: string): string {
  const item = action === 'encrypt' ? { plaintext: value } : { token }
  return JSON.stringify({ items: Array.from({ length: items }, () => item) })
}

export const plaintext = value
