// The sizes of encrypted files and of their content.
import { encryptedFileBytes, plaintextFileBytes } from '@keyhold/core'
import { wrongMember } from '../../checks/wrong-member.ts'

const code = 'ERR_CLIENT_RANGE_INVALID'

/** The size of the file that encrypts `plaintextBytes` bytes. @throws KeyholdClientError `ERR_CLIENT_RANGE_INVALID` */
export function encryptedSize(plaintextBytes: number): number {
  const size = isSize(plaintextBytes) ? encryptedFileBytes(plaintextBytes) : Number.NaN
  if (Number.isSafeInteger(size)) return size
  throw wrongMember(code, 'plaintextBytes', 'a whole number from 0 that a file can have')
}

/**
 * The size of the content in a file of `fileBytes` bytes; undefined where no whole file has this size.
 *
 * @throws KeyholdClientError `ERR_CLIENT_RANGE_INVALID`
 */
export function plaintextSize(fileBytes: number): number | undefined {
  if (isSize(fileBytes)) return plaintextFileBytes(fileBytes)
  throw wrongMember(code, 'fileBytes', 'a whole number from 0')
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
