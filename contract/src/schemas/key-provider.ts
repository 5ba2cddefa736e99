// Key providers on the wire. Read-only and unknown members of a request are ignored, because clients post them back.
import Type, { type Static } from 'typebox'
import { keyAlias } from './key-alias.ts'
import { keyHealth } from './key-health.ts'

export const complianceError = Type.Object({
  code: Type.String(),
  region: Type.String(),
  message: Type.String(),
})

export const keyProvider = Type.Object({
  name: Type.String(),
  tenantId: Type.String(),
  arn: Type.String(),
  arnFingerPrint: Type.String(),
  description: Type.Optional(Type.String()),
  keyprovider: Type.String(),
  current: Type.Optional(Type.Literal(true, { description: 'Present only on the current provider.' })),
  createdAt: Type.String(),
  promotedToCurrentAt: Type.String(),
  demotedFromCurrentAt: Type.String(),
  multiRegion: Type.Optional(Type.Boolean()),
  replicaKeys: Type.Optional(Type.Array(Type.Object({ arn: Type.String(), region: Type.String() }))),
  drCompliant: Type.Optional(Type.Boolean()),
  complianceError: Type.Optional(complianceError),
  warnings: Type.Optional(
    Type.Array(complianceError, {
      description: 'Problems that are no reason to refuse the key; absent if there are none.',
    }),
  ),
  roleArn: Type.Optional(
    Type.String({ description: "The role in the customer's account through which Keyhold reaches the key." }),
  ),
  roleAccess: Type.Optional(
    Type.Literal('web-identity', {
      description:
        "The role is assumed with an identity token of Keyhold's own issuer. Absent: with the tenant's external id, if there is a role.",
    }),
  ),
  health: Type.Optional(keyHealth),
  alias: Type.Optional(keyAlias),
  tampered: Type.Optional(
    Type.Literal(true, {
      description:
        'Only in lists: somebody else than Keyhold wrote it, deleted it or put it back. Nobody uses it, and only its fingerprint is told: name and arn stand in for what is not known. Absent on all others.',
    }),
  ),
})

export type KeyProvider = Static<typeof keyProvider>

export const keyProviderList = Type.Array(keyProvider)

const name = Type.String({ minLength: 1, maxLength: 256 })
const description = Type.String({ maxLength: 1024 })

export const createKeyProviderBody = Type.Object({
  name,
  arn: Type.String({ minLength: 1 }),
  keyprovider: Type.Optional(Type.Literal('AWS-KMS')),
  roleArn: Type.Optional(Type.String({ minLength: 1 })),
  roleAccess: Type.Optional(Type.Literal('web-identity')),
  description: Type.Optional(description),
})

export const patchKeyProviderBody = Type.Array(
  Type.Union([
    Type.Object({ op: Type.Literal('replace'), path: Type.Literal('/name'), value: name }),
    Type.Object({ op: Type.Literal('replace'), path: Type.Literal('/description'), value: description }),
  ]),
  { minItems: 1, maxItems: 16 },
)

export const keyProviderDeleted = Type.Object({ message: Type.String() })
