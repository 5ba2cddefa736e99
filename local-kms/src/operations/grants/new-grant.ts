// The request of CreateGrant: its members, their rules, and the limits of a grant that allows CreateGrant.
import { type Grant, type GrantConstraints, type GrantOperation, grantOperations } from '../../keys/grant.ts'
import { partitionOf, partitionOfArn } from '../../keys/partition.ts'
import type { RequestFields } from '../../fields/request-fields.ts'
import type { Key } from '../../keys/key-record.ts'
import { KmsError, validationError } from '../../kms-error.ts'
import type { Call } from '../call.ts'

const principalLimits = { min: 1, max: 256, pattern: /^[\w+=,.@:/-]+$/ }
const nameLimits = { min: 1, max: 256, pattern: /^[a-zA-Z0-9:/_-]+$/ }
const maxPairs = 8
const maxCharacters = 384
const principalPattern =
  /^arn:aws[a-z-]*:(?:iam::\d{12}:(?:root|(?:user|role)\/.+)|sts::\d{12}:(?:assumed-role|federated-user)\/.+)$/
const asymmetricOperations = [
  'DeriveSharedSecret',
  'GenerateMac',
  'GetPublicKey',
  'Sign',
  'Verify',
  'VerifyMac',
]

/** The members of a grant that its creator chooses. */
export type NewGrant = Pick<Grant, 'name' | 'grantee' | 'retiring' | 'operations' | 'constraints'>

export function principalField(fields: RequestFields, name: string): string | undefined {
  return fields.text(name, principalLimits)
}

export function newGrantFields(fields: RequestFields): NewGrant {
  return {
    name: fields.text('Name', nameLimits),
    grantee: fields.requiredText('GranteePrincipal', principalLimits),
    retiring: principalField(fields, 'RetiringPrincipal'),
    operations: fields.requiredChoices('Operations', grantOperations),
    constraints: fields.structure('Constraints', (nested) => ({
      equals: pairsOf(nested, 'EncryptionContextEquals'),
      subset: pairsOf(nested, 'EncryptionContextSubset'),
    })),
  }
}

/** @throws KmsError InvalidArnException, ValidationException */
export function checkNewGrant(call: Call, key: Key, grant: NewGrant): void {
  for (const principal of [grant.grantee, grant.retiring]) {
    if (principal === undefined) continue
    const isOfPartition = partitionOfArn(principal) === partitionOf(call.region)
    if (!principalPattern.test(principal) || !isOfPartition || !call.isPrincipal(principal)) {
      throw new KmsError('InvalidArnException', 'ARN does not refer to a valid principal')
    }
  }
  if (grant.operations.length === 0) throw validationError('Operations must name at least one operation.')
  const wrong = grant.operations.filter((operation) => !isFor(key, operation))
  if (wrong.length > 0) {
    throw validationError(
      `Operations [${wrong.join(', ')}] are not compatible with key spec ${key.record.spec}.`,
    )
  }
  for (const pairs of [grant.constraints?.equals, grant.constraints?.subset]) {
    if (pairs === undefined) continue
    const characters = Object.entries(pairs).reduce(
      (sum, [name, value]) => sum + name.length + value.length,
      0,
    )
    if (Object.keys(pairs).length > maxPairs || characters > maxCharacters) {
      throw validationError(`A constraint has at most ${maxPairs} pairs and ${maxCharacters} characters.`)
    }
  }
}

/** Whether a grant that allows CreateGrant may hand on `wanted`: no more operations, no fewer constraints. */
export function mayHandOn(parent: Grant, wanted: NewGrant): boolean {
  return (
    wanted.operations.every((operation) => parent.operations.includes(operation)) &&
    isAsStrict(parent.constraints, wanted.constraints)
  )
}

function isAsStrict(parent: GrantConstraints | undefined, wanted: GrantConstraints | undefined): boolean {
  const { equals, subset } = parent ?? {}
  if (equals !== undefined && !isSame(equals, wanted?.equals)) return false
  if (subset === undefined) return true
  return [wanted?.equals, wanted?.subset].some(
    (pairs) => pairs !== undefined && Object.entries(subset).every(([name, value]) => pairs[name] === value),
  )
}

/** Whether two sets of pairs are the same, in whatever order. */
function isSame(
  one: Readonly<Record<string, string>>,
  other: Readonly<Record<string, string>> = {},
): boolean {
  const names = Object.keys(one)
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name])
}

function isFor(key: Key, operation: GrantOperation): boolean {
  return key.record.spec !== 'SYMMETRIC_DEFAULT' || !asymmetricOperations.includes(operation)
}

function pairsOf(fields: RequestFields, name: string): Record<string, string> | undefined {
  return fields.has(name) ? Object.fromEntries(fields.encryptionContext(name)) : undefined
}
