// A tenant's local side: it encrypts values, files and streams here, under leased data keys. The plaintext never
// travels.
import type { KeyholdCall } from '../call-types.ts'
import { fields, type Fields, type FieldsOptions } from '../fields/fields.ts'
import type { ValueCipher } from '../value-cipher.ts'
import { createValueMethods, type DecryptOptions } from '../value-methods.ts'
import { createBlindIndex, type BlindIndex, type BlindIndexOptions } from './blind-index.ts'
import { createDataKeyLeases, type LeaseStore } from './data-key-leases.ts'
import { decryptFile } from './files/decrypt-file.ts'
import { decryptStream } from './files/decrypt-stream.ts'
import { encryptFile } from './files/encrypt-file.ts'
import { encryptStream, type ByteStream } from './files/encrypt-stream.ts'
import { openEncryptedFile, type EncryptedFile } from './files/encrypted-file.ts'
import type { FileOptions, StreamOptions } from './files/file-options.ts'
import { createLocalCipher } from './local-cipher.ts'
import { readFileRange } from './files/read-file-range.ts'

/**
 * Every method leases a data key when it holds none, and asks again when the lease is over. While the tenant is locked
 * the server refuses that: KeyholdApiError, status 424. For a wrong argument every method throws a KeyholdClientError.
 */
export interface LocalEncryption extends ValueCipher {
  /** Encrypts a value of at most 256 MiB to a token. The server, too, decrypts tokens of values up to 1 MiB. */
  encrypt(plaintext: string | Uint8Array, options?: StreamOptions): Promise<string>
  /** @throws KeyholdItemError `ERR_DECRYPTION_FAILED` */
  decrypt(token: string, options?: DecryptOptions): Promise<Uint8Array<ArrayBuffer>>
  /** `decrypt` for values that were text. @throws KeyholdClientError `ERR_CLIENT_NOT_TEXT` for any that is not UTF-8 */
  decryptText(token: string, options?: DecryptOptions): Promise<string>
  fields<Plain extends object, Stored extends object = Plain>(
    paths: readonly string[],
    options: Omit<FieldsOptions<Plain>, 'keyName'>,
  ): Fields<Plain, Stored>
  blindIndex(options: BlindIndexOptions): BlindIndex
  /** Encrypts a file, pipe or device; the target appears when it is whole and on disk. */
  encryptFile(source: string | URL, target: string | URL, options?: FileOptions): Promise<void>
  /** Decrypts a file; the target appears when all of it is verified and on disk, readable by its owner alone. */
  decryptFile(source: string | URL, target: string | URL, options?: FileOptions): Promise<void>
  encryptStream(options?: StreamOptions): ByteStream
  /** Its readable side fails at the end when the file was cut: do not act on a part as if it were the whole. */
  decryptStream(options?: StreamOptions): ByteStream
  openEncryptedFile(path: string | URL, options?: StreamOptions): Promise<EncryptedFile>
  /** Opens, reads one range as `EncryptedFile.readRange` does, and closes. */
  readRange(
    path: string | URL,
    start: number,
    end?: number,
    options?: StreamOptions,
  ): Promise<Buffer<ArrayBuffer>>
}

export function createLocalEncryption(
  store: LeaseStore,
  tenantId: string | undefined,
  call: KeyholdCall,
): LocalEncryption {
  const leases = createDataKeyLeases(store, tenantId, call)
  const cipher = createLocalCipher(leases)
  return {
    ...createValueMethods(cipher),
    fields: <Plain extends object, Stored extends object>(
      paths: readonly string[],
      options: Omit<FieldsOptions<Plain>, 'keyName'>,
    ) => fields<Plain, Stored>(cipher, paths, options),
    blindIndex: (options) => createBlindIndex(leases, options),
    encryptFile: (source, target, options) => encryptFile(leases, source, target, options),
    decryptFile: (source, target, options) => decryptFile(leases, source, target, options),
    encryptStream: (options) => encryptStream(leases, options),
    decryptStream: (options) => decryptStream(leases, options),
    openEncryptedFile: (path, options) => openEncryptedFile(leases, path, options),
    readRange: (path, start, end, options) => readFileRange(leases, path, { start, end, options }),
  }
}
