// Checks of a key before it is registered, and the policies that it needs.
import Type, { type Static } from 'typebox'
import { complianceError } from './key-provider.ts'

const arn = Type.String({ minLength: 1 })
const roleArn = Type.String({ minLength: 1 })
const roleAccess = Type.Literal('web-identity', {
  description: "The role is assumed with an identity token of Keyhold's own issuer.",
})

export const checkKeyBody = Type.Object({
  arn,
  roleArn: Type.Optional(roleArn),
  roleAccess: Type.Optional(roleAccess),
})

const checkParams = Type.Record(Type.String(), Type.String(), {
  description:
    'What the message says of this key, by name, such as `action`, `policy`, `keyArn`; `because` of a check that was skipped.',
})

const keyCheck = Type.Object({
  check: Type.String(),
  region: Type.String(),
  outcome: Type.Union([
    Type.Literal('passed'),
    Type.Literal('failed'),
    Type.Literal('warning'),
    Type.Literal('skipped'),
  ]),
  code: Type.String({ description: 'The error code if it failed or warns, else empty.' }),
  message: Type.String(),
  params: checkParams,
})

export const keyChecks = Type.Object({
  accepted: Type.Boolean({ description: 'Whether a registration would succeed now.' }),
  error: Type.Optional(
    Type.Object(
      { code: Type.String(), message: Type.String(), params: checkParams },
      { description: 'Why it would not succeed.' },
    ),
  ),
  registered: Type.Boolean({ description: 'Whether this tenant has registered the key already.' }),
  arn: Type.Optional(Type.String({ description: "The key's own ARN." })),
  arnFingerPrint: Type.Optional(Type.String()),
  multiRegion: Type.Optional(Type.Boolean()),
  replicaKeys: Type.Optional(Type.Array(Type.Object({ arn: Type.String(), region: Type.String() }))),
  drCompliant: Type.Optional(Type.Boolean()),
  complianceError: Type.Optional(complianceError),
  checks: Type.Array(keyCheck),
})

export const keyCheckProgress = Type.Object({
  checks: Type.Array(keyCheck, { description: 'Those that were made so far, in the order of their ends.' }),
  result: Type.Optional(
    Type.Object(keyChecks.properties, { description: 'As without a stream; present in the last event.' }),
  ),
})

export type KeyCheckProgress = Static<typeof keyCheckProgress>

export type KeyChecks = Static<typeof keyChecks>

export const keyPolicyQuery = Type.Object({
  arn: Type.Optional(arn),
  account: Type.Optional(
    Type.String({ pattern: '^[0-9]{12}$', description: 'The account of a key that does not exist yet.' }),
  ),
  regions: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 1_000,
      description:
        'Regions, separated by commas: of a key that does not exist yet, its own first; else more regions of the key.',
    }),
  ),
  roleArn: Type.Optional(roleArn),
  roleAccess: Type.Optional(roleAccess),
})

const policyDocument = Type.Object({
  Version: Type.String(),
  Id: Type.Optional(Type.String()),
  Statement: Type.Array(Type.Record(Type.String(), Type.Unknown())),
})

export const keyPolicy = Type.Object({
  tenantId: Type.String(),
  principals: Type.Array(Type.String(), {
    description: 'The principals that the policies admit: Keyhold in AWS.',
  }),
  externalId: Type.String({
    description: 'The external id that the trust policy of a role must require. Each tenant has its own.',
  }),
  regions: Type.Array(
    Type.Object({
      region: Type.String(),
      arn: Type.Optional(
        Type.String({
          description: 'Absent if the request named an alias, which does not tell the key of each region.',
        }),
      ),
      policy: policyDocument,
      terraform: Type.String(),
      cloudFormation: Type.String(),
    }),
    { description: "The key's own region first." },
  ),
  grants: Type.Array(
    Type.Object({
      name: Type.String(),
      granteePrincipal: Type.String(),
      operations: Type.Array(Type.String()),
      encryptionContextEquals: Type.Object({ tenantId: Type.String() }),
    }),
    { description: 'Grants that do in place of a key policy that names Keyhold, in each region.' },
  ),
  awsCli: Type.String({
    description:
      'A bash script for the AWS CLI that makes the key, unless the request names one, its replicas and their policies.',
  }),
  awsCliGrants: Type.String({ description: 'A bash script for the AWS CLI that makes the grants.' }),
  terraform: Type.Optional(
    Type.String({
      description: 'A Terraform module that makes the key. Absent if the request names a key that exists.',
    }),
  ),
  identityProvider: Type.Optional(
    Type.Object(
      {
        arn: Type.String({ description: 'The identity provider that the trust policy names.' }),
        url: Type.String(),
        clientIds: Type.Array(Type.String()),
        subject: Type.String({ description: "The `sub` of this tenant's tokens." }),
        awsCli: Type.String({ description: 'The command of the AWS CLI that makes the identity provider.' }),
      },
      { description: 'What the account of the role needs once, where `roleAccess` is `web-identity`.' },
    ),
  ),
  trustPolicy: Type.Optional(policyDocument),
  rolePolicy: Type.Optional(policyDocument),
})

export type KeyPolicy = Static<typeof keyPolicy>
