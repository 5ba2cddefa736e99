// Random bytes for salts, drawn from a pool: one small draw costs 2 µs, a slice of a pool 0.04 µs.
// Not for keys: a key must not share memory with anything that is handed out.
import { randomFillSync } from 'node:crypto'

const poolBytes = 16_384
const pool = Buffer.allocUnsafeSlow(poolBytes)
let used = poolBytes

/**
 * Fills `target` from a cryptographically secure generator. Bytes are never given out twice: each slice is wiped
 * from the pool as it leaves.
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
