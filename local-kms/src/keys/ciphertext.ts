// Ciphertext blobs: AES-256-GCM under a key derived for each call from the key's material. The blob names its
// key, so that Decrypt finds it without a KeyId; replicas share the key id and the material.
//
// layout   prefix 5 | account 6 | key id 1 + 16 | material id 32 | salt 64 | nonce 12 | AES-GCM | tag 16
// The prefix and the 152 bytes of overhead are those of real blobs ("AQICAHh…" in base64): code that stores
// or sniffs them meets here what it will meet in AWS. The real layout is not published.
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { invalidCiphertext } from '../kms-error.ts'
import type { KeyMaterial } from './key-record.ts'

const PREFIX = Buffer.from([0x01, 0x02, 0x02, 0x00, 0x78])
const ACCOUNT_BYTES = 6
const MATERIAL_ID_BYTES = 32
const SALT_BYTES = 64
const NONCE_BYTES = 12
const TAG_BYTES = 16
const MATERIAL_AT = PREFIX.length + ACCOUNT_BYTES + 1 + 16
const SALT_AT = MATERIAL_AT + MATERIAL_ID_BYTES
const NONCE_AT = SALT_AT + SALT_BYTES
const HEADER_BYTES = NONCE_AT + NONCE_BYTES

export type EncryptionContext = ReadonlyMap<string, string>

export interface BlobOrigin {
  readonly account: string
  readonly keyId: string
  readonly materialId: string
}

export function seal(
  account: string,
  keyId: string,
  material: KeyMaterial,
  plaintext: Buffer,
  context: EncryptionContext,
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  PREFIX.copy(header)
  header.writeUIntBE(Number(account), PREFIX.length, ACCOUNT_BYTES)
  keyIdBytes(keyId).copy(header, PREFIX.length + ACCOUNT_BYTES)
  header.write(material.id, MATERIAL_AT, 'hex')
  randomBytes(SALT_BYTES + NONCE_BYTES).copy(header, SALT_AT)
  const cipher = createCipheriv('aes-256-gcm', callKey(material, header), header.subarray(NONCE_AT), {
    authTagLength: TAG_BYTES,
  })
  cipher.setAAD(associatedData(header, context))
  const sealed = cipher.update(plaintext)
  cipher.final()
  return Buffer.concat([header, sealed, cipher.getAuthTag()])
}

/** @throws KmsError InvalidCiphertextException when these bytes can never have come from here. */
export function readOrigin(blob: Buffer): BlobOrigin {
  if (blob.length <= HEADER_BYTES + TAG_BYTES || !blob.subarray(0, PREFIX.length).equals(PREFIX)) {
    throw invalidCiphertext()
  }
  return {
    account: String(blob.readUIntBE(PREFIX.length, ACCOUNT_BYTES)).padStart(12, '0'),
    keyId: keyIdText(blob.subarray(PREFIX.length + ACCOUNT_BYTES, MATERIAL_AT)),
    materialId: blob.toString('hex', MATERIAL_AT, SALT_AT),
  }
}

/** @throws KmsError InvalidCiphertextException: another context, another key and a flipped bit look alike. */
export function open(material: KeyMaterial, blob: Buffer, context: EncryptionContext): Buffer {
  const header = blob.subarray(0, HEADER_BYTES)
  const decipher = createDecipheriv('aes-256-gcm', callKey(material, header), header.subarray(NONCE_AT), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(associatedData(header, context))
  decipher.setAuthTag(blob.subarray(-TAG_BYTES))
  try {
    return Buffer.concat([decipher.update(blob.subarray(HEADER_BYTES, -TAG_BYTES)), decipher.final()])
  } catch {
    throw invalidCiphertext()
  }
}

// A key per call: random 96-bit nonces under one key would limit it to 2^32 calls.
function callKey(material: KeyMaterial, header: Buffer): Buffer {
  return createHmac('sha256', materialKey(material)).update(header.subarray(SALT_AT, NONCE_AT)).digest()
}

const materialKeys = new WeakMap<KeyMaterial, KeyObject>()

function materialKey(material: KeyMaterial): KeyObject {
  let key = materialKeys.get(material)
  if (key === undefined) {
    key = createSecretKey(material.secret, 'base64')
    materialKeys.set(material, key)
  }
  return key
}

// Sorted, so that the order of the pairs does not matter; with lengths, so that {ab: c} and {a: bc} differ;
// in UTF-16, because UTF-8 would make all lone surrogates equal.
function associatedData(header: Buffer, context: EncryptionContext): Buffer {
  const parts = [header]
  for (const [name, value] of [...context].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const text of [name, value]) {
      const bytes = Buffer.from(text, 'utf16le')
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      parts.push(length, bytes)
    }
  }
  return Buffer.concat(parts)
}

function keyIdBytes(keyId: string): Buffer {
  const multiRegion = keyId.startsWith('mrk-')
  return Buffer.concat([
    Buffer.from([multiRegion ? 1 : 0]),
    Buffer.from(keyId.replace(/^mrk-|-/g, ''), 'hex'),
  ])
}

function keyIdText(bytes: Buffer): string {
  const hex = bytes.toString('hex', 1)
  if (bytes[0] === 1) return `mrk-${hex}`
  if (bytes[0] !== 0) throw invalidCiphertext()
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
