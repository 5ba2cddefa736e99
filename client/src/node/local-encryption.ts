// A tenant's local side: values, files and streams are encrypted here, under leased data keys, and never travel.
import { blindIndex } from '@keyhold/core'
import type { KeyholdCall } from '../call-types.ts'
import { fields, type Fields, type FieldsOptions } from '../fields.ts'
import { valueOf } from '../keyhold-item-error.ts'
import type { DecryptOptions } from '../tenant-client.ts'
import { textOf, type Context, type SignalOption, type ValueCipher } from '../value-cipher.ts'
import { createDataKeyLeases, type LeaseStore } from './data-key-leases.ts'
import { decryptFile } from './decrypt-file.ts'
import { decryptStream } from './decrypt-stream.ts'
import { encryptFile, type FileOptions } from './encrypt-file.ts'
import { encryptStream, type ByteStream, type StreamOptions } from './encrypt-stream.ts'
import { openEncryptedFile, type EncryptedFile } from './encrypted-file.ts'
import { createLocalValues } from './local-values.ts'

export interface BlindIndexOptions {
  /** The name of the index's key, which nothing else is encrypted with. */
  keyName: string
  /** Length: a multiple of 8 from 64 to 256; default 128. Shorter ones have more values in common, and leak less. */
  bits?: number
}

/** Computes what stands beside an encrypted field so that equal values can be found. */
export interface BlindIndex {
  /**
   * The index of a value in base64url. Equal values of one column have equal indexes; what counts as equal, as upper and
   * lower case, is for the caller to normalise.
   */
  compute(value: string, place: { table: string; column: string }, options?: SignalOption): Promise<string>
}

/**
 * Every method leases a data key when it holds none, and asks again when the lease is over. While the tenant is locked
 * that is refused: KeyholdApiError, status 424.
 */
export interface LocalEncryption extends ValueCipher {
  /** Encrypts a value of any length to a token, which the server can decrypt, too. */
  encrypt(plaintext: string | Uint8Array, options?: StreamOptions): Promise<string>
  /** @throws KeyholdItemError `ERR_DECRYPTION_FAILED` */
  decrypt(token: string, options?: DecryptOptions): Promise<Uint8Array<ArrayBuffer>>
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
  const values = createLocalValues(leases)
  const local: LocalEncryption = {
    ...values,
    async encrypt(plaintext, { context, signal } = {}) {
      const item = { plaintext, ...withContext(context) }
      return valueOf((await values.encryptMany([item], { ...(signal && { signal }) }))[0])
    },
    async decrypt(token, { context, signal } = {}) {
      const item = { token, ...withContext(context) }
      return valueOf((await values.decryptMany([item], { ...(signal && { signal }) }))[0])
    },
    decryptText: async (token, options) => textOf(await local.decrypt(token, options)),
    fields: <Plain extends object, Stored extends object>(
      paths: readonly string[],
      options: Omit<FieldsOptions<Plain>, 'keyName'>,
    ) => fields<Plain, Stored>(values, paths, options),
    blindIndex: ({ keyName, bits = 128 }) => ({
      async compute(value, { table, column }, { signal } = {}) {
        const key = await leases.blindIndexKey(keyName, signal)
        return blindIndex(key, { table, column }, value, bits)
      },
    }),
    encryptFile: (source, target, options) => encryptFile(leases, source, target, options),
    decryptFile: (source, target, options) => decryptFile(leases, source, target, options),
    encryptStream: (options) => encryptStream(leases, options),
    decryptStream: (options) => decryptStream(leases, options),
    openEncryptedFile: (path, options) => openEncryptedFile(leases, path, options),
    async readRange(path, start, end, options) {
      const file = await openEncryptedFile(leases, path, options)
      try {
        return await file.readRange(start, end, { ...(options?.signal && { signal: options.signal }) })
      } finally {
        await file.close()
      }
    },
  }
  return local
}

function withContext(context: Context | undefined): { context?: Context } {
  return context === undefined ? {} : { context }
}
