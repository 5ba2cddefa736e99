/**
 * The parts together, in memory of their own, for bytes that are kept for long: what Node makes otherwise, when it is
 * small, is a part of a pool of up to 64 KiB, all of which stays for as long as one part of it does.
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
