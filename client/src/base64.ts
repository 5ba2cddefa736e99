// Base64 that runs in Node and in browsers alike.

// The most arguments of one call: engines refuse calls with tens of thousands.
const blockBytes = 8_192

export function encodeBase64(bytes: Uint8Array): string {
  let binary = ''
  for (let start = 0; start < bytes.length; start += blockBytes)
    binary += String.fromCharCode(...bytes.subarray(start, start + blockBytes))
  return btoa(binary)
}

/** The bytes; undefined for anything but text in base64. */
export function decodeBase64(text: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (typeof text !== 'string') return undefined
  let binary: string
  try {
    binary = atob(text)
  } catch {
    return undefined
  }
  const bytes = new Uint8Array(binary.length)
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index)
  return bytes
}
