// The secret bytes of a key. A rotation adds material; ciphertexts under older material still open.
import { hash, randomBytes } from 'node:crypto'
import type { Key, KeyMaterial } from './key-record.ts'

export function createKeyMaterial(): KeyMaterial {
  // An id has 32 bytes, as in AWS. It is a hash of random bytes of its own, never of the secret.
  return { id: hash('sha256', randomBytes(32)), secret: randomBytes(32).toString('base64') }
}

/**
 * The material that encrypts.
 *
 * @throws Error for a key that is no AES key: operations refuse such a key before
 */
export function currentMaterial(key: Key): KeyMaterial {
  const material = key.record.materials.at(-1)
  if (material === undefined) throw new Error(`${key.arn} has no key material`)
  return material
}
