// Explains the state of a key: its cause, and the customer's next step.
import { errorSummary, policyName, type ErrorCode } from '@keyhold/core'
import type { KeyHealthRow } from '../store/key-health.ts'

interface Words {
  cause: string
  advice: string
}

const wait = 'The key needs no change: Keyhold goes on by itself when AWS KMS answers again.'

/** Cause and advice for one region. */
export function wordsOf({
  state,
  code,
  action = '',
  policy,
  region,
}: Pick<KeyHealthRow, 'state' | 'code' | 'action' | 'region'> & { policy?: string | undefined }): Words {
  switch (code as ErrorCode | undefined) {
    case undefined:
      return { cause: 'AWS KMS lets Keyhold use the key.', advice: '' }
    case 'ERR_KMS_DENIED':
    case 'Encryption-88':
      if (policyName(policy) !== undefined) return wordsOfPolicy({ policy, action, region })
      if (action === 'AssumeRoleWithWebIdentity') {
        return {
          cause: 'The role through which the key is reached, or its account, does not let Keyhold in.',
          advice:
            "Give the account the identity provider for Keyhold's issuer, and the role the trust policy for this tenant: keyhold keyprovider policy prints both. Everything opens again by itself.",
        }
      }
      return action === 'AssumeRole'
        ? {
            cause: 'Keyhold cannot assume the role through which the key is reached.',
            advice:
              'Have the trust policy of the role name Keyhold and ask for the external id of this tenant: keyhold keyprovider policy prints it.',
          }
        : {
            cause: `Neither the key policy nor a grant in ${region} allows ${action === '' ? 'the use of the key' : `kms:${action}`} to Keyhold for this tenant, or the key is gone: AWS KMS answers another account both alike.`,
            advice:
              'To give access back, put the policy that keyhold keyprovider policy prints into this region, or make the grant again that it prints with --format grants. Everything opens again by itself. A key that was deleted cannot be brought back.',
          }
    case 'ERR_KMS_KEY_DISABLED':
      return {
        cause: `The key is disabled in ${region}.`,
        advice: 'To give access back, enable the key. Everything opens again by itself.',
      }
    case 'ERR_KMS_KEY_PENDING_DELETION':
      return {
        cause: `The key is scheduled for deletion in ${region}.`,
        advice:
          'Cancel the deletion and enable the key before the waiting period ends: after that, what it protects is lost for good.',
      }
    case 'ERR_KMS_KEY_NOT_FOUND':
      return {
        cause: `AWS KMS answers that it has no such key in ${region}.`,
        advice:
          'If it was deleted, what it protects cannot be opened any more. A replica that was deleted can be made again from its primary key.',
      }
    case 'ERR_KMS_EXTERNAL_KEY_DENIED':
      return {
        cause: `The external key store of the key in ${region} denies access to it. The key policy in AWS does not matter for that.`,
        advice:
          'To give access back, let the external key store proxy and the key manager behind it authorize AWS KMS for this key. Everything opens again by itself.',
      }
    case 'ERR_KMS_EXTERNAL_KEY_DISABLED':
      return {
        cause: `The key in ${region} is disabled in its external key manager, not in AWS.`,
        advice:
          'To give access back, enable the key in the external key manager. Everything opens again by itself.',
      }
    case 'ERR_KMS_EXTERNAL_KEY_NOT_FOUND':
      return {
        cause: `The external key manager has no such key as the key in ${region} names.`,
        advice:
          'If it was deleted there, what it protects cannot be opened any more. If it was moved, bring it back under the same external key id.',
      }
    case 'ERR_KMS_KEY_STORE_UNREACHABLE':
      return {
        cause: `The custom key store of the key in ${region} is not connected, does not answer, or answers in a way that AWS KMS does not understand.`,
        advice:
          'The key needs no change: connect the key store, or see to its proxy or cluster. Keyhold goes on by itself when it answers again.',
      }
    case 'ERR_KMS_KEY_STORE_THROTTLED':
      return {
        cause: `The external key store of the key in ${region} refuses more calls for now.`,
        advice:
          'The key needs no change: Keyhold goes on by itself when the key store answers again. Its proxy may be too small for the calls that it gets.',
      }
    case 'ERR_KMS_THROTTLED':
      return { cause: `AWS KMS refuses more calls in ${region} for now.`, advice: wait }
    case 'ERR_KMS_TIMEOUT':
      return { cause: `AWS KMS does not answer in time in ${region}.`, advice: wait }
    case 'ERR_KMS_UNREACHABLE':
      return { cause: `AWS KMS cannot be reached in ${region}.`, advice: wait }
    case 'ERR_KMS_PROXY':
      return {
        cause: `AWS KMS cannot be reached in ${region}: the proxy of this installation gives no connection.`,
        advice:
          'The key needs no change: the operator of this installation must correct the proxy or the setting HTTPS_PROXY.',
      }
    case 'ERR_KMS_ISSUER':
      return {
        cause: `AWS STS in ${region} cannot check the identity token with which Keyhold signs in.`,
        advice:
          'The key needs no change: the operator of this installation must see to the public pages of its issuer.',
      }
    case 'ERR_KMS_FAILED':
      return { cause: `AWS KMS fails in ${region}.`, advice: wait }
    case 'ERR_KMS_KEY_PENDING_IMPORT':
      return {
        cause: `The key in ${region} has no key material: what was imported was deleted or has expired.`,
        advice:
          'To give access back, import the same key material again, into this region. Everything opens again by itself.',
      }
    case 'ERR_KMS_KEY_NOT_READY':
      return {
        cause: `The key in ${region} is in a state in which AWS KMS does not use it, such as while it is being made.`,
        advice: 'Look up the state of the key in AWS. Everything opens by itself when the key is enabled.',
      }
    case 'ERR_KMS_CREDENTIALS':
      return {
        cause: `Keyhold's own credentials for AWS are not accepted in ${region}, or cannot be read.`,
        advice:
          'The key needs no change: the operator of this installation must correct the credentials, or enable the region in the account of Keyhold.',
      }
    case 'ERR_KMS_OWN_POLICY':
      return {
        cause: `A policy of Keyhold's own AWS account, ${policyName(policy) ?? 'one of its kind'}, does not let Keyhold call ${callOf(action)} in ${region}.`,
        advice:
          'The key and its policy need no change: the operator of this installation must correct that policy.',
      }
    case 'ERR_KMS_INVALID_CIPHERTEXT':
    case 'ERR_KEY_INTEGRITY':
      return {
        cause: `The key in ${region} does not open what Keyhold has stored under it.`,
        advice: 'Ask the operator of this installation: a stored key may be damaged.',
      }
    default:
      return { cause: errorSummary(code as ErrorCode), advice: `The key is ${state}: correct it in AWS.` }
  }
}

function callOf(action: string): string {
  return action.startsWith('AssumeRole') ? `sts:${action}` : `kms:${action}`
}

/** AWS names a policy that is not the key's: changing the key policy would help nothing. */
function wordsOfPolicy({
  policy,
  action,
  region,
}: Pick<KeyHealthRow, 'policy' | 'region'> & { action: string }): Words {
  const what = `${action === '' ? 'the use of the key' : callOf(action)} in ${region}`
  if (policy === 'resourceControl')
    return {
      cause: `A resource control policy of the key's organisation does not allow ${what} to Keyhold. It is not the key policy.`,
      advice:
        'To give access back, let that resource control policy allow it. Everything opens again by itself.',
    }
  return {
    cause: `AWS names ${policyName(policy) ?? 'a policy'} that does not allow ${what}. It is not the key policy.`,
    advice:
      'If Keyhold reaches the key through a role of yours, let that policy of your account allow it: everything opens again by itself. If not, ask the operator of this installation.',
  }
}
