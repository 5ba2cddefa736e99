// The MAC of a stored row. Its key comes from the root key, which no database holds; it is another one for each kind of row
// and each installation, so that a row of a clone with the same root key is a forged one.
//
//   macKey = HKDF-SHA-256(root key, no salt, "keyhold/mac-key/1" 00 ‖ lp(installation id) ‖ lp(kind), 32)
//   mac    = u8 1 ‖ root key id (8) ‖ HMAC-SHA-256(macKey, canonical bytes)
//   lp(x)  = u16 length in bytes ‖ UTF-8 bytes
import { createHmac, createSecretKey, hkdfSync, timingSafeEqual, type KeyObject } from 'node:crypto'

const label = Buffer.from('keyhold/mac-key/1\0', 'ascii')
const formatByte = 1
const idBytes = 8
const hmacBytes = 32

/** Bytes of a row's MAC. */
export const rowMacBytes = 1 + idBytes + hmacBytes

/** The key that authenticates the rows of one kind in one installation. */
export function deriveMacKey(rootKey: KeyObject, installationId: string, kind: string): KeyObject {
  const info = Buffer.concat([label, lengthPrefixed(installationId), lengthPrefixed(kind)])
  return createSecretKey(Buffer.from(hkdfSync('sha256', rootKey, Buffer.alloc(0), info, hmacBytes)))
}

/** @param rootKeyId - 16 lower-case hex characters: it says which entry of the ring made the MAC */
export function rowMac(macKey: KeyObject, rootKeyId: string, bytes: Uint8Array): Buffer {
  const hmac = createHmac('sha256', macKey).update(bytes).digest()
  return Buffer.concat([Buffer.of(formatByte), Buffer.from(rootKeyId, 'hex'), hmac])
}

/** The root key that a MAC says it is made under; undefined: it has no form that this version knows. */
export function rootKeyIdOfMac(mac: Uint8Array): string | undefined {
  if (mac.length !== rowMacBytes || mac[0] !== formatByte) return undefined
  return Buffer.from(mac.subarray(1, 1 + idBytes)).toString('hex')
}

/** Compares in constant time. */
export function isRowMac(macKey: KeyObject, rootKeyId: string, bytes: Uint8Array, mac: Uint8Array): boolean {
  const expected = rowMac(macKey, rootKeyId, bytes)
  return mac.length === expected.length && timingSafeEqual(expected, mac)
}

function lengthPrefixed(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}
