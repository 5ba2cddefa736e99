// Ciphertext blobs: AES-256-GCM under a key derived for each call from the key's material. The blob names its
// key, so that Decrypt finds it without a KeyId; replicas share the key id and the material.
//
// layout   prefix 5 | account 6 | key id 1 + 16 | material id 32 | salt 64 | nonce 12 | AES-GCM | tag 16
// The prefix and the 152 bytes of overhead are those of real blobs ("AQICAHh…" in base64), so that code which stores
// or sniffs blobs meets the same here as in AWS. The real layout is not published.
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { invalidCiphertext } from '../kms-error.ts'
import { currentMaterial } from './key-material.ts'
import type { Key, KeyMaterial } from './key-record.ts'

const prefix = Buffer.from([0x01, 0x02, 0x02, 0x00, 0x78])
const accountBytes = 6
const keyIdBytes = 1 + 16
const materialIdBytes = 32
const saltBytes = 64
const nonceBytes = 12
const tagBytes = 16
const keyIdAt = prefix.length + accountBytes
const materialAt = keyIdAt + keyIdBytes
const saltAt = materialAt + materialIdBytes
const nonceAt = saltAt + saltBytes
const headerBytes = nonceAt + nonceBytes

export type EncryptionContext = ReadonlyMap<string, string>

/** The key and the material that a blob names. */
export interface BlobOrigin {
  account: string
  keyId: string
  materialId: string
}

export function seal(key: Key, plaintext: Buffer, context: EncryptionContext): Buffer {
  const { account, keyId } = key.record
  const material = currentMaterial(key)
  const header = Buffer.alloc(headerBytes)
  prefix.copy(header)
  header.writeUIntBE(Number(account), prefix.length, accountBytes)
  encodeKeyId(keyId).copy(header, keyIdAt)
  header.write(material.id, materialAt, 'hex')
  randomBytes(saltBytes + nonceBytes).copy(header, saltAt)
  const cipher = createCipheriv('aes-256-gcm', callKey(material, header), header.subarray(nonceAt), {
    authTagLength: tagBytes,
  })
  cipher.setAAD(associatedData(header, context))
  const sealed = cipher.update(plaintext)
  cipher.final()
  return Buffer.concat([header, sealed, cipher.getAuthTag()])
}

/** @throws KmsError InvalidCiphertextException for bytes that `seal` can never have made */
export function parseOrigin(blob: Buffer): BlobOrigin {
  if (blob.length <= headerBytes + tagBytes || !blob.subarray(0, prefix.length).equals(prefix)) {
    throw invalidCiphertext()
  }
  return {
    account: String(blob.readUIntBE(prefix.length, accountBytes)).padStart(12, '0'),
    keyId: parseKeyId(blob.subarray(keyIdAt, materialAt)),
    materialId: blob.toString('hex', materialAt, saltAt),
  }
}

/** @throws KmsError InvalidCiphertextException: another context, another key and a flipped bit look alike */
export function open(material: KeyMaterial, blob: Buffer, context: EncryptionContext): Buffer {
  const header = blob.subarray(0, headerBytes)
  const decipher = createDecipheriv('aes-256-gcm', callKey(material, header), header.subarray(nonceAt), {
    authTagLength: tagBytes,
  })
  decipher.setAAD(associatedData(header, context))
  decipher.setAuthTag(blob.subarray(-tagBytes))
  try {
    return Buffer.concat([decipher.update(blob.subarray(headerBytes, -tagBytes)), decipher.final()])
  } catch {
    throw invalidCiphertext()
  }
}

// Each call has a key of its own: random 96-bit nonces under one key would limit it to 2^32 calls.
function callKey(material: KeyMaterial, header: Buffer): Buffer {
  return createHmac('sha256', materialKey(material)).update(header.subarray(saltAt, nonceAt)).digest()
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

// The pairs are sorted, so that their order does not matter. They have lengths, so that {ab: c} and {a: bc} differ.
// They are in UTF-16, because UTF-8 would make all lone surrogates equal.
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

function encodeKeyId(keyId: string): Buffer {
  const isMultiRegion = keyId.startsWith('mrk-')
  return Buffer.concat([
    Buffer.from([isMultiRegion ? 1 : 0]),
    Buffer.from(keyId.replace(/^mrk-|-/g, ''), 'hex'),
  ])
}

function parseKeyId(bytes: Buffer): string {
  const hex = bytes.toString('hex', 1)
  if (bytes[0] === 1) return `mrk-${hex}`
  if (bytes[0] !== 0) throw invalidCiphertext()
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
