// Random bytes for salts, from a pool: a small draw from the generator costs 2 µs, a slice of the pool 0.04 µs.
// Keys must not come from here: a key must not share memory with bytes that leave the process.
import { randomFillSync } from 'node:crypto'

const poolBytes = 16_384
const pool = Buffer.allocUnsafeSlow(poolBytes)
let used = poolBytes

/**
 * Fills `target` from a cryptographically secure generator. No byte is used twice: each slice is wiped from the pool
 * when it is taken.
 */
export function fillRandom(target: Uint8Array): void {
  if (target.length > poolBytes) {
    randomFillSync(target)
    return
  }
  if (used + target.length > poolBytes) {
    randomFillSync(pool)
    used = 0
  }
  const end = used + target.length
  target.set(pool.subarray(used, end))
  pool.fill(0, used, end)
  used = end
}
