// The policies that a customer's administrator pastes into AWS before anything is registered, and the grants that do in
// place of a key policy. They allow exactly what Keyhold needs, for exactly this tenant.
import { KeyholdError, type AwsPartition } from '@keyhold/core'
import { parseRoleArn, requireIssuer } from '../role-arn.ts'
import { parsePolicyRequest, type PolicyRequest, type PolicySubject } from './policy-regions.ts'

export interface KeyPolicyParts {
  /** The principals that key policies name, for the region of the key. */
  principals: (region: string) => Promise<readonly string[]>
  drRegions: ReadonlyMap<string, readonly string[]>
  /** Answers the tenant's external id, and where the key has replicas, if the tenant has registered it. */
  findKnown: (
    tenantId: string,
    keyArn: string | undefined,
  ) => Promise<{ externalId: string; replicaRegions: readonly string[] }>
  /** `KEYHOLD_ISSUER_URL`; undefined: this installation signs no identity tokens. */
  issuerUrl: string | undefined
}

export interface PolicyDocument {
  Version: '2012-10-17'
  Id?: string
  Statement: Record<string, unknown>[]
}

/** The account of a role needs it once, so that it can check Keyhold's identity tokens. */
export interface IdentityProvider {
  arn: string
  /** `KEYHOLD_ISSUER_URL`. */
  url: string
  clientIds: readonly string[]
  /** The `sub` of the tenant's tokens. */
  subject: string
}

/** A grant in one region, as `CreateGrant` takes it. */
export interface KeyGrant {
  name: string
  granteePrincipal: string
  operations: readonly string[]
  encryptionContextEquals: { tenantId: string }
}

export interface KeyPolicies extends Omit<PolicySubject, 'regions' | 'aliasName'> {
  tenantId: string
  /** Of the request, or the one that a new key gets. */
  aliasName: string
  principals: readonly string[]
  externalId: string
  /** The key's own region first. */
  regions: { region: string; keyArn: string | undefined; policy: PolicyDocument }[]
  /** In each region, instead of the statements of its key policy that name Keyhold. */
  grants: KeyGrant[]
  /** Where a role is assumed with an identity token. */
  identityProvider: IdentityProvider | undefined
  /** Where a role is used: its trust policy. */
  trustPolicy: PolicyDocument | undefined
  /** Where a role of another account than the key's is used: the permissions that its account must give it. */
  rolePolicy: PolicyDocument | undefined
}

/**
 * @throws KeyholdError `ERR_INVALID_REQUEST`, `ERR_ARN_INVALID`, `ERR_ROLE_ARN_INVALID`, `ERR_KEY_SINGLE_REGION`,
 * `ERR_TENANT_NOT_FOUND`, `ERR_KMS_…` where AWS does not say who Keyhold is
 */
export async function createKeyPolicies(
  { principals, drRegions, findKnown, issuerUrl }: KeyPolicyParts,
  tenantId: string,
  request: PolicyRequest & { roleArn?: string | undefined; roleAccess?: 'web-identity' | undefined },
): Promise<KeyPolicies> {
  const standInsOf = (region: string) => drRegions.get(region) ?? []
  // A wrong request is refused before anything is asked.
  const asked = parsePolicyRequest(request, standInsOf)
  const { partition, accountId, keyArn } = asked
  const roleArn = request.roleArn === undefined ? undefined : parseRoleArn(request.roleArn, partition)
  const issuer = issuerOf(request, issuerUrl)
  const { externalId, replicaRegions } = await findKnown(tenantId, keyArn)
  const { regions, aliasName = `alias/keyhold-${tenantId}` } = parsePolicyRequest(request, (region) => [
    ...standInsOf(region),
    ...replicaRegions,
  ])
  // An identity token needs no principal of Keyhold's own, and so no account in that partition.
  const keyhold = issuer === undefined ? await principals(regions[0]?.region ?? '') : []
  checkPartition(keyhold, partition)
  const allowed = roleArn === undefined ? keyhold : [roleArn]
  const policy = keyPolicy({ partition, accountId }, allowed, tenantId)
  const identityProvider =
    issuer === undefined || roleArn === undefined ? undefined : identityProviderOf(issuer, roleArn, tenantId)
  const isForeignRole = roleArn !== undefined && roleArn.split(':')[4] !== accountId
  return {
    ...{ partition, accountId, keyArn, aliasName, tenantId },
    principals: keyhold,
    externalId,
    regions: regions.map((one) => ({ ...one, policy })),
    grants: allowed.map((principal, index) => grantFor(principal, tenantId, index)),
    identityProvider,
    trustPolicy:
      roleArn === undefined
        ? undefined
        : identityProvider === undefined
          ? trustPolicy(keyhold, externalId)
          : webIdentityPolicy(identityProvider),
    rolePolicy: isForeignRole ? rolePolicy({ partition, accountId, regions }, tenantId) : undefined,
  }
}

function issuerOf(
  { roleArn, roleAccess }: { roleArn?: string | undefined; roleAccess?: 'web-identity' | undefined },
  issuerUrl: string | undefined,
): string | undefined {
  return requireIssuer({ roleArn, roleAccess }, issuerUrl) ? issuerUrl : undefined
}

function identityProviderOf(url: string, roleArn: string, tenantId: string): IdentityProvider {
  const [, partition = '', , , account = ''] = roleArn.split(':')
  const arn = `arn:${partition}:iam::${account}:oidc-provider/${nameOfIssuer(url)}`
  return { arn, url, clientIds: ['sts.amazonaws.com'], subject: `keyhold:tenant:${tenantId}` }
}

/** In AWS an issuer has the name of its URL without the scheme. */
const nameOfIssuer = (url: string) => url.replace('https://', '')

// Nothing in AWS reaches from one partition into another.
function checkPartition(principals: readonly string[], partition: AwsPartition): void {
  const foreign = principals.find((arn) => arn.split(':')[1] !== partition)
  if (foreign === undefined) return
  const own = foreign.split(':')[1] ?? ''
  throw new KeyholdError('ERR_ARN_INVALID', {
    message: `The key is in the partition ${partition} of AWS. This installation is in ${own}, and no key outside of it can be used.`,
  })
}

const usage = ['kms:GenerateDataKey', 'kms:Decrypt']

/** The whole policy of a key. Without the first statement its owner would lock themselves out. */
function keyPolicy(
  { partition, accountId }: Pick<PolicySubject, 'partition' | 'accountId'>,
  principals: readonly string[],
  tenantId: string,
): PolicyDocument {
  const keyhold = { Effect: 'Allow', Principal: { AWS: oneOrAll(principals) } }
  return {
    Version: '2012-10-17',
    Id: 'keyhold',
    Statement: [
      {
        Sid: 'TheAccountManagesItsKey',
        Effect: 'Allow',
        Principal: { AWS: `arn:${partition}:iam::${accountId}:root` },
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

// One grant is enough: AWS applies constraints to those operations alone that carry an encryption context, and so not to
// DescribeKey. AWS answers the grant that exists where the name and all else are the same, so that names tell grants apart.
function grantFor(granteePrincipal: string, tenantId: string, index: number): KeyGrant {
  return {
    name: index === 0 ? `keyhold-${tenantId}` : `keyhold-${tenantId}-${index + 1}`,
    granteePrincipal,
    operations: ['DescribeKey', 'GenerateDataKey', 'Decrypt'],
    encryptionContextEquals: { tenantId },
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

// Both conditions: without the one on the subject every tenant of this installation could assume the role.
function webIdentityPolicy({ arn, url, clientIds, subject }: IdentityProvider): PolicyDocument {
  const name = nameOfIssuer(url)
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'KeyholdAssumesTheRoleForThisTenant',
        Effect: 'Allow',
        Principal: { Federated: arn },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: { StringEquals: { [`${name}:aud`]: oneOrAll(clientIds), [`${name}:sub`]: subject } },
      },
    ],
  }
}

function rolePolicy(
  { partition, accountId, regions }: Pick<PolicySubject, 'partition' | 'accountId' | 'regions'>,
  tenantId: string,
): PolicyDocument {
  // A policy cannot name an alias as its resource. Until the key is known, it names any key of the account.
  const Resource = oneOrAll(
    regions.map(({ region, keyArn }) => keyArn ?? `arn:${partition}:kms:${region}:${accountId}:key/*`),
  )
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
