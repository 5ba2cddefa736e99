// Makes the error for a wrong argument. All of them have this one form.
import { KeyholdClientError, type MemberErrorCode } from '../keyhold-client-error.ts'

/**
 * An error that names the argument and says what was expected. It never quotes the value, which may be a secret.
 *
 * @param member - the argument, such as `items[3].context`
 * @param expected - the rest of the sentence that begins with "expected"
 */
export function wrongMember(
  code: MemberErrorCode,
  member: string,
  expected: string,
  cause?: unknown,
): KeyholdClientError {
  return new KeyholdClientError(code, `"${member}" expected ${expected}`, { member, cause })
}
