// Checks the ARN of a role in a customer's account before anything is sent anywhere.
import { KeyholdError, partitionForm, type AwsPartition } from '@keyhold/core'

const form = new RegExp(
  `^arn:(${partitionForm}):iam::[0-9]{12}:role/(?:[A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$`,
)
const maxCharacters = 600

/**
 * @param partition - of the key: no role of another one can use it
 * @throws KeyholdError `ERR_ROLE_ARN_INVALID`
 */
export function parseRoleArn(text: string, partition: AwsPartition): string {
  const [, named] = (text.length <= maxCharacters && form.exec(text)) || []
  if (named === undefined) throw invalid(`A role ARN reads arn:${partition}:iam::<account>:role/<name>.`)
  if (named !== partition) {
    throw invalid(`The role is in the partition ${named} of AWS, and the key in ${partition}.`)
  }
  return text
}

/**
 * Answers whether the role is assumed with an identity token.
 *
 * @throws KeyholdError `ERR_ISSUER_NOT_SET`; `ERR_ROLE_ARN_INVALID` where there is no role
 */
export function requireIssuer(
  { roleArn, roleAccess }: { roleArn?: string | undefined; roleAccess?: 'web-identity' | undefined },
  issuerUrl: string | undefined,
): boolean {
  if (roleAccess === undefined) return false
  if (roleArn === undefined)
    throw invalid('An identity token is for a role: name the role that it is to assume (roleArn).')
  if (issuerUrl === undefined) throw new KeyholdError('ERR_ISSUER_NOT_SET')
  return true
}

function invalid(message: string): KeyholdError {
  return new KeyholdError('ERR_ROLE_ARN_INVALID', { message })
}
