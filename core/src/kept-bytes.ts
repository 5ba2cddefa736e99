/**
 * Joins the parts in memory of their own, for bytes that are kept for long. Other small Buffers of Node are slices of a
 * pool of up to 64 KiB, and the whole pool stays in memory while one slice is kept.
 */
export function keptBytes(...parts: Uint8Array[]): Buffer<ArrayBuffer> {
  const bytes = Buffer.allocUnsafeSlow(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
