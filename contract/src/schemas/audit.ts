// Audit records, each chained to the one before it by a hash (docs/formats.md), and the signed end of a chain.
import { auditActionNames, type AuditAction } from '@keyhold/core/audit-actions'
import Type, { type Static } from 'typebox'
import { limits, tenantIdPattern } from '../limits.ts'

const hash = (description: string) =>
  Type.String({ description: `${description} 64 lower-case hex characters.` })

export const audit = Type.Object({
  tenantId: Type.Optional(Type.String({ description: "Absent in the installation's chain." })),
  sequence: Type.Integer({ description: 'From 1 on, without gaps.' }),
  id: Type.String(),
  at: Type.String({ description: "RFC 3339, UTC, to the millisecond, by the database's clock." }),
  actor: Type.Object({
    id: Type.String({
      description: 'The id of an API key; `system`: Keyhold itself; `command`: the command `keyhold-server`.',
    }),
    role: Type.Optional(Type.String({ description: 'Of the API key.' })),
  }),
  action: Type.Unsafe<AuditAction>(Type.Union(auditActionNames.map((name) => Type.Literal(name)))),
  target: Type.Object({ kind: Type.String(), id: Type.String() }),
  traceId: Type.Optional(Type.String({ description: 'Of the request, as in its reply and in the log.' })),
  details: Type.Record(Type.String(), Type.String()),
  hash: hash('Of this record and of all before it.'),
})

export type Audit = Static<typeof audit>

export const auditPage = Type.Object({
  audits: Type.Array(audit, { description: 'In the order of the chain.' }),
  next: Type.Optional(Type.String({ description: 'For `after`; absent on the last page.' })),
})

export const auditHead = Type.Object({
  jws: Type.String({
    description: 'Compact JWS (RFC 7515) with EdDSA, under one of `signing-keys`: to keep.',
  }),
  head: Type.Object(
    {
      type: Type.Literal('keyhold/audit-head/1'),
      tenantId: Type.Union([Type.String(), Type.Null({ description: "The installation's chain." })]),
      sequence: Type.Integer({ description: 'Of the last record; 0: there is none yet.' }),
      hash: hash('Of the last record; zeros: there is none yet.'),
      signedAt: Type.String({ description: 'RFC 3339, UTC.' }),
    },
    { description: 'What the JWS holds, to read.' },
  ),
})

export type AuditHead = Static<typeof auditHead>

const page = {
  after: Type.Optional(
    Type.String({ pattern: '^(0|[1-9][0-9]{0,14})$', description: 'The last sequence of the page before.' }),
  ),
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9][0-9]{0,2}|1000)$',
      description: `1 to ${limits.maxAuditsPerPage}; default ${limits.defaultAuditsPerPage}.`,
    }),
  ),
}

const ofTenant = {
  tenantId: Type.Optional(
    Type.String({
      pattern: tenantIdPattern,
      description: "Of this tenant, deleted or not, instead of the installation's own.",
    }),
  ),
}

export const listAuditsQuery = Type.Object(page)

export const listInstallationAuditsQuery = Type.Object({ ...page, ...ofTenant })

export const installationAuditHeadQuery = Type.Object(ofTenant)
