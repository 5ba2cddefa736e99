// The policies that a customer's administrator pastes into AWS before anything is registered. They grant exactly what
// Keyhold needs, for exactly this tenant.
import { keyArnInRegion, parseKeyArn, type KeyArn } from '@keyhold/core'
import { parseRoleArn } from './role-arn.ts'

export interface KeyPolicyParts {
  /** The principals that key policies name, for the region of the key. */
  principals: (region: string) => Promise<readonly string[]>
  drRegions: ReadonlyMap<string, readonly string[]>
  findExternalId: (tenantId: string) => Promise<string>
}

export interface PolicyDocument {
  Version: '2012-10-17'
  Id?: string
  Statement: Record<string, unknown>[]
}

export interface KeyPolicies {
  principals: readonly string[]
  externalId: string
  /** The key's own region first. */
  regions: { region: string; keyArn: string | undefined; policy: PolicyDocument }[]
  /** Where a role is used: its trust policy. */
  trustPolicy: PolicyDocument | undefined
  /** Where a role of another account than the key's is used: the permissions that its account must give it. */
  rolePolicy: PolicyDocument | undefined
}

/** @throws KeyholdError `ERR_ARN_INVALID`, `ERR_ROLE_ARN_INVALID`, `ERR_KMS_…` where AWS does not say who Keyhold is */
export async function createKeyPolicies(
  { principals, drRegions, findExternalId }: KeyPolicyParts,
  tenantId: string,
  request: { arn: string; roleArn?: string | undefined },
): Promise<KeyPolicies> {
  const key = parseKeyArn(request.arn)
  const roleArn = request.roleArn === undefined ? undefined : parseRoleArn(request.roleArn)
  const keyhold = await principals(key.region)
  const externalId = await findExternalId(tenantId)
  const policy = keyPolicy(key.accountId, roleArn === undefined ? keyhold : [roleArn], tenantId)
  const isForeignRole = roleArn !== undefined && roleArn.split(':')[4] !== key.accountId
  return {
    principals: keyhold,
    externalId,
    regions: regionsOf(key, drRegions).map((one) => ({ ...one, policy })),
    trustPolicy: roleArn === undefined ? undefined : trustPolicy(keyhold, externalId),
    rolePolicy: isForeignRole ? rolePolicy(key, drRegions, tenantId) : undefined,
  }
}

function regionsOf(key: KeyArn, drRegions: KeyPolicyParts['drRegions']) {
  const isMultiRegion = key.keyId === undefined || key.keyId.startsWith('mrk-')
  const others = isMultiRegion ? (drRegions.get(key.region) ?? []) : []
  return [
    { region: key.region, keyArn: key.keyId === undefined ? undefined : key.arn },
    ...others.map((region) => ({ region, keyArn: keyArnInRegion(key, region) })),
  ]
}

const usage = ['kms:GenerateDataKey', 'kms:Decrypt']

/** The whole policy of a key. Without the first statement its owner would lock themselves out. */
function keyPolicy(accountId: string, principals: readonly string[], tenantId: string): PolicyDocument {
  const keyhold = { Effect: 'Allow', Principal: { AWS: oneOrAll(principals) } }
  return {
    Version: '2012-10-17',
    Id: 'keyhold',
    Statement: [
      {
        Sid: 'TheAccountManagesItsKey',
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${accountId}:root` },
        Action: 'kms:*',
        Resource: '*',
      },
      {
        Sid: 'KeyholdUsesTheKeyForThisTenant',
        ...keyhold,
        Action: usage,
        Resource: '*',
        Condition: forTenant(tenantId),
      },
      // This statement stands alone: DescribeKey carries no encryption context, so that no condition on one is ever
      // met.
      { Sid: 'KeyholdLooksAtTheKey', ...keyhold, Action: 'kms:DescribeKey', Resource: '*' },
    ],
  }
}

function trustPolicy(principals: readonly string[], externalId: string): PolicyDocument {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'KeyholdAssumesTheRoleForThisTenant',
        Effect: 'Allow',
        Principal: { AWS: oneOrAll(principals) },
        Action: 'sts:AssumeRole',
        Condition: { StringEquals: { 'sts:ExternalId': externalId } },
      },
    ],
  }
}

function rolePolicy(key: KeyArn, drRegions: KeyPolicyParts['drRegions'], tenantId: string): PolicyDocument {
  // A policy cannot name an alias as its resource. Until the key is known, it names any key of the account.
  const resources = regionsOf(key, drRegions).map(
    ({ region, keyArn }) => keyArn ?? `arn:aws:kms:${region}:${key.accountId}:key/*`,
  )
  const Resource = oneOrAll(resources)
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'UseTheKeyForThisTenant',
        Effect: 'Allow',
        Action: usage,
        Resource,
        Condition: forTenant(tenantId),
      },
      { Sid: 'LookAtTheKey', Effect: 'Allow', Action: 'kms:DescribeKey', Resource },
    ],
  }
}

function forTenant(tenantId: string): object {
  return { StringEquals: { 'kms:EncryptionContext:tenantId': tenantId } }
}

function oneOrAll(values: readonly string[]): string | readonly string[] {
  const [first] = values
  return values.length === 1 && first !== undefined ? first : values
}
