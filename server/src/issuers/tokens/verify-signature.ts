// The signature of a JWT, by one key and one algorithm.
import { compactVerify } from 'jose'
import type { KeyObject } from 'node:crypto'
import { RefusedToken } from './refused-token.ts'

/** @throws RefusedToken for whatever is wrong: a key that does not fit the algorithm, too */
export async function verifySignature(token: string, key: KeyObject, algorithm: string): Promise<void> {
  try {
    await compactVerify(token, key, { algorithms: [algorithm] })
  } catch {
    throw new RefusedToken('signature', 'Its signature does not fit the key.')
  }
}
