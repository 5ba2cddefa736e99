export { auditChainStart, KeyholdError, type AuditRecord } from '@keyhold/core'
export * from '../index.ts'
export { auditHash } from './audit-hash.ts'
export type { BlindIndex, BlindIndexOptions } from './blind-index.ts'
export {
  createKeyholdClient,
  type KeyholdClient,
  type KeyholdClientOptions,
  type TenantClient,
} from './create-node-client.ts'
export type { ByteStream } from './files/encrypt-stream.ts'
export type { EncryptedFile } from './files/encrypted-file.ts'
export type { FileOptions, StreamOptions } from './files/file-options.ts'
export { encryptedSize, plaintextSize } from './files/file-sizes.ts'
export { KeyholdFileError, type FileErrorCode } from './files/keyhold-file-error.ts'
export type { LocalEncryption } from './local-encryption.ts'
