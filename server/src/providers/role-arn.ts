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

function invalid(message: string): KeyholdError {
  return new KeyholdError('ERR_ROLE_ARN_INVALID', { message })
}
