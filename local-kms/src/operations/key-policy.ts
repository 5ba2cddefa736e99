// The policy of a key: its form in a request, its rules, and the default.
import type { Key } from '../keys/key-record.ts'
import { partitionOf, partitionOfArn } from '../keys/partition.ts'
import { limitExceeded, malformedPolicy } from '../kms-error.ts'
import { parsePolicy } from '../policy/parse-policy.ts'
import { rootArn } from '../policy/principal.ts'
import type { Call } from './call.ts'
import { keepsControl } from './permit.ts'

// The service model takes 131,072 characters; the service itself stops at 32 KB.
const maxPolicyBytes = 32_768

export const keyPolicyLimits = {
  min: 1,
  max: 131_072,
  // oxlint-disable-next-line no-control-regex -- the characters that the service model allows
  pattern: /^[\u0009\u000A\u000D\u0020-\u00FF]+$/,
}

/**
 * Checks a new policy for a key.
 *
 * @param bypass - whether the policy may lock its author out
 * @throws KmsError LimitExceededException, MalformedPolicyDocumentException
 */
export function checkKeyPolicy(call: Call, key: Key, text: string, bypass: boolean): void {
  if (Buffer.byteLength(text) > maxPolicyBytes) {
    throw limitExceeded(`Policy exceeds ${maxPolicyBytes} bytes.`)
  }
  const policy = parsePolicy(text, 'key')
  const named = policy.flatMap(({ principals }) => principals?.patterns ?? [])
  const isOfPartition = (principal: string): boolean =>
    !principal.startsWith('arn:') || partitionOfArn(principal) === partitionOf(call.region)
  if (!named.every((principal) => isOfPartition(principal) && call.isPrincipal(principal))) {
    throw malformedPolicy('Policy contains a statement with one or more invalid principals.')
  }
  if (!bypass && !keepsControl(call, key, policy)) {
    throw malformedPolicy('The new key policy will not allow you to update the key policy in the future.')
  }
}

/** Character for character the policy that AWS gives a key made without one. */
export function defaultKeyPolicy(account: string, region: string): string {
  return `{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "${rootArn(account, partitionOf(region))}"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`
}
