// The token: the text form of an encrypted value. It stays valid, unchanged, through every migration.
//
//   "kh1." ‖ base64url( "KH" 01 ‖ u16 suite ‖ u8 flags ‖ 16 bytes data key id ‖ u32 data key version ‖ Cobblestone-256 )
import { isSealedLength, minSealedBytes } from './cobblestone.ts'
import { suiteCobblestone256 } from './context/context.ts'
import { KeyholdError } from './errors.ts'
import { parseBase64Url } from './strict-base64.ts'
import { uuidFromBytes, uuidToBytes } from './uuid.ts'

const prefix = 'kh1.'
const magic = Buffer.from([0x4b, 0x48, 0x01])
const maxVersion = 0xffff_fffe

/** The length of the header, in tokens and in files. */
export const headerBytes = 26

/** A parsed header. Suite and flags have only one legal value in this version of the format. */
export interface Header {
  /** UUID. */
  dataKeyId: string
  /** 1 to 4,294,967,294. */
  version: number
}

/** @throws RangeError for a version that `parseHeader` refuses: data encrypted under it would be lost */
export function encodeHeader({ dataKeyId, version }: Header): Buffer {
  if (!Number.isInteger(version) || version < 1 || version > maxVersion)
    throw new RangeError(`"version" expected a whole number from 1 to ${maxVersion}, got ${version}`)
  const bytes = Buffer.alloc(headerBytes)
  magic.copy(bytes)
  bytes.writeUInt16BE(suiteCobblestone256, 3)
  uuidToBytes(dataKeyId).copy(bytes, 6)
  bytes.writeUInt32BE(version, 22)
  return bytes
}

/** @throws KeyholdError `ERR_TOKEN_INVALID` for every byte sequence that `encodeHeader` does not make */
export function parseHeader(bytes: Buffer): Header {
  if (bytes.length !== headerBytes || !bytes.subarray(0, 3).equals(magic)) throw invalid()
  if (bytes.readUInt16BE(3) !== suiteCobblestone256 || bytes[5] !== 0) throw invalid()
  const version = bytes.readUInt32BE(22)
  if (version < 1 || version > maxVersion) throw invalid()
  return { dataKeyId: uuidFromBytes(bytes.subarray(6, 22)), version }
}

/** A parsed token. Nothing in it is verified yet. */
export interface ParsedToken {
  header: Header
  headerBytes: Buffer
  sealed: Buffer
}

/** The text of a header and of the sealed value that follows it in `bytes`. */
export function encodeToken(bytes: Buffer): string {
  return prefix + bytes.toString('base64url')
}

/** The number of characters in the token of a sealed message of `sealedBytes` bytes. */
export function tokenLength(sealedBytes: number): number {
  return prefix.length + Math.ceil(((headerBytes + sealedBytes) * 4) / 3)
}

/**
 * Parses a token without any look-up or crypto. Every text that parses encodes back to the same text.
 *
 * @throws KeyholdError `ERR_TOKEN_INVALID`
 */
export function parseToken(text: string): ParsedToken {
  if (!text.startsWith(prefix) || text.length < tokenLength(minSealedBytes)) throw invalid(text)
  const bytes = parseBase64Url(text.slice(prefix.length))
  if (bytes === undefined) throw invalid()
  return parseTokenBytes(bytes)
}

/**
 * Parses the bytes of a token.
 *
 * @throws KeyholdError `ERR_TOKEN_INVALID`
 */
export function parseTokenBytes(bytes: Buffer): ParsedToken {
  if (!isSealedLength(bytes.length - headerBytes)) throw invalid()
  const head = bytes.subarray(0, headerBytes)
  return { header: parseHeader(head), headerBytes: head, sealed: bytes.subarray(headerBytes) }
}

// "kh1." in base64 begins like this, whatever follows.
const prefixInBase64 = 'a2gxL'

function invalid(text = ''): KeyholdError {
  if (!text.startsWith(prefixInBase64)) return new KeyholdError('ERR_TOKEN_INVALID')
  return new KeyholdError('ERR_TOKEN_INVALID', {
    message: 'This is base64 of a token: decode it once, or leave the token as it is.',
  })
}
