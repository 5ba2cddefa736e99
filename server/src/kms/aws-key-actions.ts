// The actions that show whether a key can protect a tenant, one at a time, with their denials explained.
import {
  DecryptCommand,
  DescribeKeyCommand,
  GenerateDataKeyCommand,
  type KeyMetadata,
} from '@aws-sdk/client-kms'
import { errorSummary, isKeyholdError, KeyholdError, policyName, type CustomerRole } from '@keyhold/core'
import { isOfKind, kindMessage } from './metadata/aliased-key.ts'
import type { AwsCall, AwsCallOptions } from './aws-call.ts'

/** A key as it is called in one region. */
export interface RegionalKeyName {
  keyArn: string
  region: string
}

/** A key that the customer's key made for a test, and its wrap. */
export interface MadeKey {
  plaintext: Uint8Array
  blob: Uint8Array
}

/** Each throws KeyholdError: `Encryption-88` where the policy lacks the action, else `ERR_KMS_…`. */
export interface KeyActions {
  /** @param keyId - a key ARN or alias ARN of the region */
  describe(keyId: string, region: string): Promise<KeyMetadata>
  generate(key: RegionalKeyName, tenantId: string): Promise<MadeKey>
  decrypt(key: RegionalKeyName, tenantId: string, blob: Uint8Array): Promise<Uint8Array>
}

/** @param tenantId - the tenant that is charged, whatever tenant the tests pretend to be */
export function createKeyActions(
  call: AwsCall,
  {
    tenantId: onBehalf,
    role,
    call: callOptions,
  }: { tenantId: string; role: CustomerRole | undefined; call?: AwsCallOptions | undefined },
): KeyActions {
  const options = { ...callOptions, ...(role !== undefined && { role }) }
  const subject = (action: string, { keyArn, region }: RegionalKeyName) => ({
    ...{ action, region, keyArn },
    tenantId: onBehalf,
  })

  return {
    async describe(keyId, region) {
      const command = new DescribeKeyCommand({ KeyId: keyId })
      const answer = await explainDenial(
        call(
          subject('DescribeKey', { keyArn: keyId, region }),
          (client, o) => client.send(command, o),
          options,
        ),
        role,
      )
      if (answer.KeyMetadata === undefined) throw new KeyholdError('ERR_KMS_FAILED')
      return answer.KeyMetadata
    },

    async generate({ keyArn, region }, tenantId) {
      const command = new GenerateDataKeyCommand({
        KeyId: keyArn,
        KeySpec: 'AES_256',
        EncryptionContext: { tenantId },
      })
      const answer = await explainDenial(
        call(subject('GenerateDataKey', { keyArn, region }), (client, o) => client.send(command, o), options),
        role,
      )
      const { Plaintext: plaintext, CiphertextBlob: blob, KeyId: answering } = answer
      if (plaintext === undefined || blob === undefined || answering !== keyArn)
        throw invalidAnswer('GenerateDataKey', region)
      return { plaintext, blob }
    },

    async decrypt({ keyArn, region }, tenantId, blob) {
      const command = new DecryptCommand({
        KeyId: keyArn,
        CiphertextBlob: blob,
        EncryptionContext: { tenantId },
      })
      const answer = await explainDenial(
        call(subject('Decrypt', { keyArn, region }), (client, o) => client.send(command, o), options),
        role,
      )
      if (answer.Plaintext === undefined || answer.KeyId !== keyArn) throw invalidAnswer('Decrypt', region)
      return answer.Plaintext
    },
  }
}

export function invalidAnswer(action: string, region: string): KeyholdError {
  return new KeyholdError('ERR_KMS_INVALID_CIPHERTEXT', { details: { action, region } })
}

/** @throws KeyholdError with the reason why the key's kind or state makes it unusable here */
export function checkUsable(metadata: KeyMetadata, region: string): void {
  const details = { action: 'DescribeKey', region }
  if (!isOfKind(metadata)) {
    throw new KeyholdError('ERR_KMS_KEY_WRONG_USAGE', { message: kindMessage(metadata), details })
  }
  switch (metadata.KeyState) {
    case 'Enabled':
    case 'Updating': // The primary key is moving to another region. Cryptography goes on meanwhile.
      return
    case 'Disabled':
      throw new KeyholdError('ERR_KMS_KEY_DISABLED', { details })
    case 'PendingDeletion':
    case 'PendingReplicaDeletion':
      throw new KeyholdError('ERR_KMS_KEY_PENDING_DELETION', { details })
    case 'PendingImport':
      throw new KeyholdError('ERR_KMS_KEY_PENDING_IMPORT', { details })
    // Its custom key store is not connected.
    case 'Unavailable':
      throw new KeyholdError('ERR_KMS_KEY_STORE_UNREACHABLE', { details })
    default:
      throw new KeyholdError('ERR_KMS_KEY_NOT_READY', { details })
  }
}

/** Turns a denial into the error that names the missing action. */
async function explainDenial<Output>(
  answer: Promise<Output>,
  role: CustomerRole | undefined,
): Promise<Output> {
  try {
    return await answer
  } catch (error) {
    if (!isKeyholdError(error, 'ERR_KMS_DENIED')) throw error
    const { action = '', region = '', policy } = error.details
    const name = policyName(policy)
    // The words of the sign-in say which of the account and the role refuses.
    const signIn =
      error.message === errorSummary(error.code)
        ? `The trust policy of the role ${role?.arn ?? ''} does not let this tenant's identity token in.`
        : error.message
    const keyOrRole =
      action === 'AssumeRoleWithWebIdentity'
        ? signIn
        : action === 'AssumeRole'
          ? `The role ${role?.arn ?? ''} cannot be assumed: its trust policy must name Keyhold and ask for the external id of this tenant.`
          : `The policy of the provided key does not allow the required action [${region}] [${action}].`
    const message =
      name === undefined
        ? keyOrRole
        : `Not the policy of the provided key, but ${name}, does not allow the required action [${region}] [${action}].`
    throw new KeyholdError('Encryption-88', { message, cause: error, details: error.details })
  }
}
