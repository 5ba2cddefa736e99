// Makes the name of a request for replies and logs. The bytes come from a pool, because a small draw from the generator
// costs thirty times as much.
import { randomFillSync } from 'node:crypto'

const idBytes = 16
const pool = Buffer.alloc(idBytes * 256)
let used = pool.length

/** 32 lower-case hex characters. */
export function newTraceId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += idBytes
  return pool.toString('hex', used - idBytes, used)
}
