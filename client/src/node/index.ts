export {
  auditChainStart,
  auditHash,
  encryptedFileBytes as encryptedSize,
  KeyholdError,
  plaintextFileBytes as plaintextSize,
  type AuditRecord,
} from '@keyhold/core'
export * from '../index.ts'
export {
  createKeyholdClient,
  type KeyholdClient,
  type KeyholdClientOptions,
  type TenantClient,
} from './create-node-client.ts'
export type { FileOptions } from './encrypt-file.ts'
export type { ByteStream, StreamOptions } from './encrypt-stream.ts'
export type { EncryptedFile } from './encrypted-file.ts'
export { KeyholdFileError, type FileErrorCode } from './keyhold-file-error.ts'
export type { BlindIndex, BlindIndexOptions, LocalEncryption } from './local-encryption.ts'
