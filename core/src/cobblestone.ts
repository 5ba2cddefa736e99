// Cobblestone-256 (c2sp.org/chunked-encryption): the one construction that protects every key and every value.
//
//   key(32) ‖ baseNonce(12) ‖ commitment(32) = HKDF-Expand-SHA-512(inputKey,
//       "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM" ‖ 00 ‖ salt(24) ‖ context)
//   sealed = salt ‖ commitment ‖ chunks; chunk i = AES-256-GCM(key, baseNonce XOR i, 16 KiB of plaintext, no AAD)
//
// The last chunk is always shorter than 16 KiB, so that truncation shows in the length. The commitment binds the
// message to its key: plain GCM has ciphertexts that open under two keys. The derived key makes a counter per
// input key unnecessary: 2^55 messages of up to 32 MiB stay below an advantage of 2^-32.
import { createCipheriv, createDecipheriv, timingSafeEqual, type KeyObject } from 'node:crypto'
import { KeyholdError } from './errors.ts'
import { chunkNonce, commitmentBytes, deriveMessageKey, saltBytes, type MessageKey } from './message-key.ts'
import { fillRandom } from './random.ts'

const tagBytes = 16
// Without this option Node accepts tags of four bytes.
const cipherOptions = { authTagLength: tagBytes }

/** Bytes of salt and commitment, which come before the chunks. */
export const prefixBytes = saltBytes + commitmentBytes

/** Plaintext bytes of every chunk but the last. */
export const chunkBytes = 16_384

/** Sealed bytes of every chunk but the last, which is always shorter. */
export const sealedChunkBytes = chunkBytes + tagBytes

/** Bytes of the shortest sealed message, that of an empty plaintext. */
export const minSealedBytes = prefixBytes + tagBytes

/** Bytes that sealing makes of `plaintextBytes` bytes. */
export function sealedLength(plaintextBytes: number): number {
  return prefixBytes + plaintextBytes + (Math.floor(plaintextBytes / chunkBytes) + 1) * tagBytes
}

/** Whether some plaintext seals to exactly `sealedBytes` bytes; false for every cut at a chunk's end. */
export function isSealedLength(sealedBytes: number): boolean {
  return sealedBytes >= minSealedBytes && (sealedBytes - prefixBytes) % sealedChunkBytes >= tagBytes
}

/**
 * Encrypts and authenticates `plaintext` together with `context` under a fresh random salt.
 *
 * @param inputKey - a secret key of 32 bytes
 * @param context - public bytes of any length, which opening needs again
 * @param plaintext - bytes of any length, which stay unchanged
 * @returns `sealedLength(plaintext.length)` bytes, different each time
 */
export function seal(inputKey: KeyObject, context: Uint8Array, plaintext: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(sealedLength(plaintext.length))
  sealInto(sealed, inputKey, context, plaintext)
  return sealed
}

/** Does what `seal` does, into a `target` of exactly `sealedLength(plaintext.length)` bytes. */
export function sealInto(
  target: Buffer,
  inputKey: KeyObject,
  context: Uint8Array,
  plaintext: Uint8Array,
): void {
  fillRandom(target.subarray(0, saltBytes))
  sealAfterSalt(target, inputKey, context, plaintext)
}

/** Does what `sealInto` does, in steps of a MiB, and stops after each. */
export function* sealIntoInSteps(
  target: Buffer,
  inputKey: KeyObject,
  context: Uint8Array,
  plaintext: Uint8Array,
): Generator<void, void> {
  fillRandom(target.subarray(0, saltBytes))
  const messageKey = commit(target, inputKey, context)
  for (const [first, end] of stepsOf(chunksOf(plaintext.length))) {
    sealChunks(target, messageKey, plaintext, first, end)
    yield
  }
}

/** `seal` with a given salt, for known-answer tests only: a salt used twice with one key reveals both plaintexts. */
export function unsafeSealWithSalt(
  inputKey: KeyObject,
  context: Uint8Array,
  plaintext: Uint8Array,
  salt: Uint8Array,
): Buffer {
  if (salt.length !== saltBytes)
    throw new RangeError(`"salt" expected ${saltBytes} bytes, got ${salt.length}`)
  const sealed = Buffer.allocUnsafe(sealedLength(plaintext.length))
  sealed.set(salt)
  sealAfterSalt(sealed, inputKey, context, plaintext)
  return sealed
}

function sealAfterSalt(
  target: Buffer,
  inputKey: KeyObject,
  context: Uint8Array,
  plaintext: Uint8Array,
): void {
  const messageKey = commit(target, inputKey, context)
  sealChunks(target, messageKey, plaintext, 0, chunksOf(plaintext.length))
}

/** Derives the key of a message from the salt in `target`, and writes its commitment. */
function commit(target: Buffer, inputKey: KeyObject, context: Uint8Array): MessageKey {
  const messageKey = deriveMessageKey(inputKey, target.subarray(0, saltBytes), context)
  messageKey.commitment.copy(target, saltBytes)
  return messageKey
}

function chunksOf(plaintextBytes: number): number {
  return Math.floor(plaintextBytes / chunkBytes) + 1
}

/** Seals the chunks from `first` up to `end`. */
function sealChunks(
  target: Buffer,
  messageKey: MessageKey,
  plaintext: Uint8Array,
  first: number,
  end: number,
): void {
  for (let index = first; index < end; index++) {
    const chunk = plaintext.subarray(index * chunkBytes, (index + 1) * chunkBytes)
    sealChunkInto(target, prefixBytes + index * sealedChunkBytes, messageKey, index, chunk)
  }
}

const chunksOfStep = 64

/** The steps over `chunks` chunks: the first one of each, and the one after its last. */
function* stepsOf(chunks: number): Generator<[first: number, end: number]> {
  for (let first = 0; first < chunks; first += chunksOfStep)
    yield [first, Math.min(chunks, first + chunksOfStep)]
}

/** The part of a message's key that its chunks need. */
export type ChunkKey = Pick<MessageKey, 'key' | 'baseNonce'>

/** Writes a sealed chunk to `target` at `at`, and answers the index after it. */
export function sealChunkInto(
  target: Buffer,
  at: number,
  { key, baseNonce }: ChunkKey,
  index: number,
  chunk: Uint8Array,
): number {
  const cipher = createCipheriv('aes-256-gcm', key, chunkNonce(baseNonce, index), cipherOptions)
  cipher.update(chunk).copy(target, at)
  cipher.final()
  return at + chunk.length + cipher.getAuthTag().copy(target, at + chunk.length)
}

/**
 * Opens a whole message that `seal` made. It returns nothing before every chunk is verified.
 *
 * @throws KeyholdError `ERR_DECRYPTION_FAILED` for a wrong key, a wrong context and any change of the bytes alike
 */
export function open(inputKey: KeyObject, context: Uint8Array, sealed: Uint8Array): Buffer {
  const messageKey = messageKeyOf(inputKey, context, sealed)
  // A single chunk is returned as it was decrypted, so that no second copy of an unwrapped key stays in memory.
  if (sealed.length < prefixBytes + sealedChunkBytes)
    return openChunk(messageKey, 0, sealed.subarray(prefixBytes))
  const { chunks, plaintext } = roomFor(sealed)
  openChunks(plaintext, messageKey, sealed, 0, chunks)
  return plaintext
}

/**
 * Does what `open` does, in steps of a MiB, and stops after each.
 *
 * @throws KeyholdError `ERR_DECRYPTION_FAILED`, from any step
 */
export function* openInSteps(
  inputKey: KeyObject,
  context: Uint8Array,
  sealed: Uint8Array,
): Generator<void, Buffer> {
  const messageKey = messageKeyOf(inputKey, context, sealed)
  const { chunks, plaintext } = roomFor(sealed)
  for (const [first, end] of stepsOf(chunks)) {
    openChunks(plaintext, messageKey, sealed, first, end)
    yield
  }
  return plaintext
}

/** The key of a sealed message, which must be committed to it. */
function messageKeyOf(inputKey: KeyObject, context: Uint8Array, sealed: Uint8Array): MessageKey {
  if (!isSealedLength(sealed.length)) throw new KeyholdError('ERR_DECRYPTION_FAILED')
  const messageKey = deriveMessageKey(inputKey, sealed.subarray(0, saltBytes), context)
  if (!timingSafeEqual(messageKey.commitment, sealed.subarray(saltBytes, prefixBytes))) {
    throw new KeyholdError('ERR_DECRYPTION_FAILED')
  }
  return messageKey
}

function roomFor(sealed: Uint8Array): { chunks: number; plaintext: Buffer } {
  const chunks = Math.ceil((sealed.length - prefixBytes) / sealedChunkBytes)
  return { chunks, plaintext: Buffer.allocUnsafeSlow(sealed.length - prefixBytes - chunks * tagBytes) }
}

/** Opens the chunks from `first` up to `end`. */
function openChunks(
  plaintext: Buffer,
  messageKey: MessageKey,
  sealed: Uint8Array,
  first: number,
  end: number,
): void {
  for (let index = first; index < end; index++) {
    const start = prefixBytes + index * sealedChunkBytes
    const chunk = sealed.subarray(start, Math.min(start + sealedChunkBytes, sealed.length))
    plaintext.set(openChunk(messageKey, index, chunk), index * chunkBytes)
  }
}

/**
 * Opens one chunk, which has at least a tag's length. Its plaintext is in memory of its own.
 *
 * @throws KeyholdError `ERR_DECRYPTION_FAILED`
 */
export function openChunk({ key, baseNonce }: ChunkKey, index: number, chunk: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, chunkNonce(baseNonce, index), cipherOptions)
  decipher.setAuthTag(chunk.subarray(chunk.length - tagBytes))
  const plaintext = decipher.update(chunk.subarray(0, chunk.length - tagBytes))
  try {
    decipher.final()
  } catch {
    plaintext.fill(0)
    throw new KeyholdError('ERR_DECRYPTION_FAILED')
  }
  return plaintext
}
