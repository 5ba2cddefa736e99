// Checks text that is encrypted or indexed.
import { wrongMember } from './wrong-member.ts'

/** @throws KeyholdClientError `ERR_CLIENT_PLAINTEXT_INVALID`, also for a lone surrogate, which UTF-8 cannot write */
export function readText(value: unknown, member: string): string {
  if (typeof value === 'string' && value.isWellFormed()) return value
  const expected = typeof value === 'string' ? 'text without a lone surrogate' : 'a string'
  throw wrongMember('ERR_CLIENT_PLAINTEXT_INVALID', member, expected)
}
