// UUIDs between their canonical text and their 16 bytes. They are names, not secrets.

const canonical = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Whether `text` is a UUID in lower-case canonical form (RFC 9562 section 4). */
export function isUuid(text: string): boolean {
  return canonical.test(text)
}

/** The 16 bytes of a canonical UUID. */
export function uuidToBytes(uuid: string): Buffer {
  if (!isUuid(uuid)) throw new TypeError('"uuid" expected a canonical UUID')
  return Buffer.from(uuid.replaceAll('-', ''), 'hex')
}

/** The canonical text of 16 bytes. */
export function uuidFromBytes(bytes: Buffer): string {
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}
