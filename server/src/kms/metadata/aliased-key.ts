// The key that AWS KMS names in its answer to an alias, and what is strange about it. AWS itself keeps alias and key in one
// account and region; an endpoint in its place may not.
import type { KeyMetadata } from '@aws-sdk/client-kms'
import { isKeyholdError, KeyholdError, parseKeyArn, type AliasProblem, type KeyArn } from '@keyhold/core'

/** The key of the answer; undefined: it names none. */
export function answeringKey({ Arn: arn = '' }: KeyMetadata): KeyArn | undefined {
  try {
    const key = parseKeyArn(arn)
    return key.keyId === undefined ? undefined : key
  } catch (error) {
    if (isKeyholdError(error)) return undefined
    throw error
  }
}

export function aliasProblemOf(alias: KeyArn, key: KeyArn, metadata: KeyMetadata): AliasProblem | undefined {
  if (key.accountId !== alias.accountId || key.region !== alias.region) return 'account'
  return isOfKind(metadata) ? undefined : 'kind'
}

/** @throws KeyholdError that names the key, where the alias names one that cannot be registered by it */
export function checkAliasTarget(alias: KeyArn, key: KeyArn, metadata: KeyMetadata): void {
  const details = { action: 'DescribeKey', region: alias.region }
  if (key.keyId === undefined) {
    const message = `The answer to the alias ${alias.arn} names no key.`
    throw new KeyholdError('ERR_KMS_KEY_NOT_FOUND', { message, details })
  }
  const problem = aliasProblemOf(alias, key, metadata)
  if (problem === 'account') {
    const message = `The alias ${alias.arn} names ${key.arn}, a key of another account or region.`
    throw new KeyholdError('ERR_KEY_UNUSABLE', { message, details })
  }
  if (problem === 'kind') {
    const message = `The alias ${alias.arn} names ${key.arn}. ${kindMessage(metadata)}`
    throw new KeyholdError('ERR_KMS_KEY_WRONG_USAGE', { message, details })
  }
}

/** Whether the key is made for what Keyhold does with it. */
export function isOfKind({ KeySpec: spec, KeyUsage: usage }: KeyMetadata): boolean {
  return spec === 'SYMMETRIC_DEFAULT' && usage === 'ENCRYPT_DECRYPT'
}

/** A sentence about a key of another kind. */
export function kindMessage({ KeySpec: spec, KeyUsage: usage }: KeyMetadata): string {
  return `The key is ${spec ?? 'of no spec'} for ${usage ?? 'no usage'}. Keyhold needs SYMMETRIC_DEFAULT for ENCRYPT_DECRYPT.`
}
