export { auditActionNames, auditActions, type AuditAction } from './audit-actions.ts'
export { auditChainStart, auditHash, auditHashBytes, type AuditRecord } from './audit-record.ts'
export { blindIndex } from './blind-index.ts'
export { byokPrefix, encodeByokWrap, parseByokWrap } from './byok-wrap.ts'
export {
  canBind,
  unwrapDataKey,
  wrapDataKey,
  wrappedDataKeyBytes,
  type CipherkeyFacts,
  type DataKeyRef,
} from './cipherkey.ts'
export { open, seal, sealedLength } from './cobblestone.ts'
export {
  checkEncryptionContext,
  contextPurpose,
  encodeContext,
  type ContextFields,
  type ContextPurpose,
  type EncryptionContext,
} from './context/context.ts'
export {
  generateKey,
  keyBytes,
  keyFromBytes,
  type DataKey,
  type TenantKey,
  type WrapFormat,
} from './data-key.ts'
export {
  errorCodes,
  errorSummary,
  isErrorOfKind,
  isKeyholdError,
  isKeyStoreOutage,
  isPolicyDenial,
  isRetryable,
  KeyholdError,
  kindOf,
  type ErrorCode,
  type ErrorKind,
  type KeyholdErrorOptions,
  type StandInFailure,
} from './errors.ts'
export { openBlock, sealBlock, type Block, type BlockKey } from './file/block-key.ts'
export { encryptedFileBytes, fileFormat, plaintextFileBytes } from './file/file-format.ts'
export { createFileOpener, parseFileHeader, type FileOpener } from './file/file-opener.ts'
export { createFileSealer, type FileSealer } from './file/file-sealer.ts'
export { keyArnFingerprint } from './fingerprint.ts'
export { awsRegions, partitionForm, partitionOf, type AwsPartition } from './aws/aws-regions.ts'
export { parseProxy, proxyFor, type ProxyRules } from './proxy-for.ts'
export { keyArnInRegion, parseKeyArn, type KeyArn } from './aws/key-arn.ts'
export { keptBytes } from './kept-bytes.ts'
export { keyCheckValue, verifyKeyCheckValue, type IdentifiedKey } from './key-check-value.ts'
export type {
  AliasedKey,
  AliasProblem,
  CustomerRole,
  ExamineKey,
  KeyAccess,
  KeyCheck,
  KeyExamination,
  KeyInspection,
  Kms,
  KmsAnswer,
  KmsCallOptions,
  KnownRefusal,
  RoleByExternalId,
  RoleByWebIdentity,
  TenantKeyRef,
} from './kms.ts'
export { probeTenantId } from './kms.ts'
export {
  keyCauses,
  sayAdvice,
  sayCause,
  turnSentences,
  type ActingParty,
  type KeyAdviceCode,
  type KeyCauseCode,
  type SentenceParams,
  type TurnCode,
} from './key-sentences.ts'
export { policyName, type PolicyType } from './policy-names.ts'
export { normalFormHint } from './context/other-normal-forms.ts'
export { parseBase64, parseBase64Url } from './strict-base64.ts'
export {
  encodeHeader,
  headerBytes,
  parseHeader,
  parseToken,
  parseTokenBytes,
  tokenLength,
  type Header,
  type ParsedToken,
} from './token.ts'
export { encodeRow, type RowColumnType, type RowValue } from './rows/row-bytes.ts'
export { deriveMacKey, isRowMac, rootKeyIdOfMac, rowMac, rowMacBytes } from './rows/row-mac.ts'
export { isUuid, uuidFromBytes, uuidToBytes } from './uuid.ts'
export { decryptValue, decryptValueInSteps, encryptValue, encryptValueInSteps } from './value.ts'
export { rotationStatementType, type NamedSigningKey, type RotationStatement } from './rotation-statement.ts'
