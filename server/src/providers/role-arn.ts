// Checks the ARN of a role in a customer's account before anything is sent anywhere.
import { KeyholdError } from '@keyhold/core'

const form = /^arn:aws:iam::[0-9]{12}:role\/(?:[A-Za-z0-9+=,.@_-]+\/)*[A-Za-z0-9+=,.@_-]{1,64}$/
const maxCharacters = 600

/** @throws KeyholdError `ERR_ROLE_ARN_INVALID` */
export function parseRoleArn(text: string): string {
  if (text.length > maxCharacters || !form.test(text)) {
    throw new KeyholdError('ERR_ROLE_ARN_INVALID', {
      message: 'A role ARN reads arn:aws:iam::<account>:role/<name>.',
    })
  }
  return text
}
