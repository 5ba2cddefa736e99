// Nonces for plain GCM. Drawn one by one they would cost a third as much as the encryption, which would be unfair to the
// other side.
import { randomFillSync } from 'node:crypto'

const nonceBytes = 12
const pool = Buffer.alloc(nonceBytes * 1_024)
let used = pool.length

/** Twelve random bytes, which are overwritten 1,024 calls later. */
export function pooledNonce(): Buffer {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += nonceBytes
  return pool.subarray(used - nonceBytes, used)
}
