// The one form of a refusal of something that a caller gave.
import { KeyholdClientError, type MemberErrorCode } from '../keyhold-client-error.ts'

/**
 * An error that names the member and what was expected there. It never quotes what was given: that may be a secret.
 *
 * @param member - its place in the arguments, such as `items[3].context`
 * @param expected - continues "expected"
 */
export function wrongMember(
  code: MemberErrorCode,
  member: string,
  expected: string,
  cause?: unknown,
): KeyholdClientError {
  return new KeyholdClientError(code, `"${member}" expected ${expected}`, { member, cause })
}
