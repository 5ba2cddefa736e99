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
export type { ByteStream } from './encrypt-stream.ts'
export type { EncryptedFile } from './encrypted-file.ts'
export type { FileOptions, StreamOptions } from './file-options.ts'
export { encryptedSize, plaintextSize } from './file-sizes.ts'
export { KeyholdFileError, type FileErrorCode } from './keyhold-file-error.ts'
export type { LocalEncryption } from './local-encryption.ts'
