// The tests of a key in one region, and their outcomes in words.
import { isKeyholdError, KeyholdError, type ErrorCode, type KeyCheck } from '@keyhold/core'

type CheckName = KeyCheck['check']

export interface KeyFindings {
  readonly region: string
  readonly checks: readonly KeyCheck[]
  /** The error of the first check that failed. */
  error(): KeyholdError | undefined
  /** Notes the outcome of `action`; undefined: it failed. KeyholdErrors are findings, all others are thrown. */
  attempt<Result>(
    check: CheckName,
    good: string,
    action: () => Result | Promise<Result>,
    params?: KeyCheck['params'],
  ): Promise<Result | undefined>
  note(
    check: CheckName,
    outcome: KeyCheck['outcome'],
    code: string,
    message: string,
    params?: KeyCheck['params'],
  ): void
  fail(check: CheckName, error: KeyholdError): void
  /** Whether more tests are useless, since something else than a missing permission failed. */
  isHopeless(): boolean
}

/** @param onCheck - hears of each check */
export function createKeyFindings(
  region: string,
  onCheck: (check: KeyCheck) => void = () => undefined,
): KeyFindings {
  const checks: KeyCheck[] = []
  let first: KeyholdError | undefined
  let isHopeless = false

  function note(
    check: CheckName,
    outcome: KeyCheck['outcome'],
    code: string,
    message: string,
    params: KeyCheck['params'] = {},
  ): void {
    const made = { check, region, outcome, code, message, params }
    checks.push(made)
    onCheck(made)
  }

  function fail(check: CheckName, error: KeyholdError): void {
    first ??= error
    if (error.code !== 'Encryption-88') isHopeless = true
    note(check, 'failed', error.code, withHint(error), error.details)
  }

  return {
    region,
    checks,
    error: () => first,
    note,
    fail,
    isHopeless: () => isHopeless,
    async attempt(check, good, action, params) {
      try {
        const result = await action()
        note(check, 'passed', '', good, params)
        return result
      } catch (error) {
        if (!isKeyholdError(error)) throw error
        fail(check, error)
        return undefined
      }
    },
  }
}

// Customers put the condition on the context, which the use of the key needs, on one statement for all actions.
function withHint({ code, message, details }: KeyholdError): string {
  return code === 'Encryption-88' && details.action === 'DescribeKey'
    ? `${message} DescribeKey carries no encryption context: where a condition on kms:EncryptionContext denies it, give it a statement of its own without that condition.`
    : message
}

/** The outcome of an action that must be denied: `allowed`, or the error, which may also say why it could not be tried. */
export async function whetherDenied(
  action: () => Promise<unknown>,
  isAllowedAnswer: readonly ErrorCode[] = [],
): Promise<'allowed' | KeyholdError> {
  try {
    await action()
    return 'allowed'
  } catch (error) {
    if (!isKeyholdError(error)) throw error
    return isAllowedAnswer.includes(error.code) ? 'allowed' : error
  }
}
