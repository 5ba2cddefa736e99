// Ids of keys and key jobs: UUIDs of version 7 (RFC 9562 section 5.7), which sort by their time in a primary key.
import { randomBytes } from 'node:crypto'

/**
 * A new id; it is a name, not a secret.
 *
 * @param at - the time by which it sorts, from the database's clock: replicas whose own clocks differ would sort what is
 * new below what is old
 */
export function newId(at: Date): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(at.getTime(), 0, 6)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
