// Audit records, each chained to the one before it by a hash (docs/formats.md), and the signed end of a chain.
import { auditActionNames, type AuditAction } from '@keyhold/core/audit-actions'
import Type, { type Static } from 'typebox'
import { limits, tenantIdPattern } from '../limits.ts'

const hash = (description: string) =>
  Type.String({ description: `${description} 64 lower-case hex characters.` })

export const audit = Type.Object({
  tenantId: Type.Optional(Type.String({ description: 'Absent in the chain of the installation.' })),
  sequence: Type.Integer({ description: 'Counts from 1, without gaps.' }),
  id: Type.String(),
  at: Type.String({ description: 'RFC 3339 in UTC, to the millisecond, from the clock of the database.' }),
  actor: Type.Object({
    id: Type.String({
      description:
        'The id of an API key, or `issuer#subject` of a JWT or a certificate, or `system` (Keyhold itself), or `command` (the command `keyhold-server`).',
    }),
    role: Type.Optional(Type.String({ description: 'The role of the caller.' })),
  }),
  action: Type.Unsafe<AuditAction>(Type.Union(auditActionNames.map((name) => Type.Literal(name)))),
  target: Type.Object({ kind: Type.String(), id: Type.String() }),
  traceId: Type.Optional(
    Type.String({ description: 'The trace id of the request, as in its reply and in the log.' }),
  ),
  details: Type.Record(Type.String(), Type.String()),
  hash: hash('The hash over this record and all before it.'),
})

export type Audit = Static<typeof audit>

export const auditEvent = Type.Object({
  ...audit.properties,
  forged: Type.Optional(
    Type.Literal(true, { description: 'Keyhold did not write this record. Absent on all others.' }),
  ),
})

export const auditPage = Type.Object({
  audits: Type.Array(audit, {
    description:
      'In the order of the chain, unless the query says another one. With `order=desc`, `action`, `actor`, `from` or `to` in the query: in the order of time, which is another one only where the clock of the database was set back.',
  }),
  names: Type.Optional(
    Type.Record(Type.String(), Type.String(), {
      description:
        'The present names of API keys whose ids are on this page, as far as they exist; a tenant sees those of its own keys. They are no part of the records.',
    }),
  ),
  forged: Type.Optional(
    Type.Integer({
      description:
        'The sequence of the first record of this page that Keyhold did not write: its message authentication code is wrong.',
    }),
  ),
  authenticTo: Type.Optional(
    Type.Integer({
      description:
        'The sequence of the last record of this page with a right code, before any wrong one. Absent where none has one: records from before there were codes, or a server without its root key.',
    }),
  ),
  next: Type.Optional(
    Type.String({ description: 'The value of `after` for the next page; absent on the last page.' }),
  ),
})

export const auditHead = Type.Object({
  jws: Type.String({
    description: 'Compact JWS (RFC 7515, EdDSA) by one of `signing-keys`. Keep it.',
  }),
  head: Type.Object(
    {
      type: Type.Literal('keyhold/audit-head/1'),
      tenantId: Type.Union([Type.String(), Type.Null({ description: 'The chain of the installation.' })]),
      sequence: Type.Integer({ description: 'The sequence of the last record; 0 if there is none yet.' }),
      hash: hash('The hash of the last record; zeros if there is none yet.'),
      signedAt: Type.String({ description: 'RFC 3339 in UTC.' }),
    },
    { description: 'The payload of the JWS, for reading.' },
  ),
})

export type AuditHead = Static<typeof auditHead>

export const auditCheckpointPage = Type.Object({
  checkpoints: Type.Array(
    Type.Object({
      number: Type.Integer({ description: 'Counts the checkpoints of the chain from 1.' }),
      jws: Type.String({
        description:
          'Compact JWS (RFC 7515, EdDSA) by one of `signing-keys`, as it is stored. Its payload has `type`, `tenantId`, `sequence`, `hash`, `number`, `previous` and `signedAt`.',
      }),
    }),
  ),
  next: Type.Optional(
    Type.String({ description: 'The value of `after` for the next page; absent on the last page.' }),
  ),
})

const page = {
  after: Type.Optional(
    Type.String({
      pattern: '^(0|[1-9][0-9]{0,14})$',
      description: 'The last sequence, or number of a checkpoint, of the previous page.',
    }),
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
      description: "Reads the chain of this tenant, deleted or not, instead of the installation's.",
    }),
  ),
}

const time = (description: string) =>
  Type.Optional(
    Type.String({
      pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,3})?Z$',
      description: `${description} RFC 3339 in UTC.`,
    }),
  )

const search = {
  order: Type.Optional(
    Type.Union([Type.Literal('asc'), Type.Literal('desc', { description: 'The newest first.' })], {
      description: 'Default: `asc`, the oldest first, which is the order of the chain.',
    }),
  ),
  action: Type.Optional(
    Type.Unsafe<AuditAction>(
      Type.Union(
        auditActionNames.map((name) => Type.Literal(name)),
        { description: 'Only this action.' },
      ),
    ),
  ),
  actor: Type.Optional(
    Type.String({
      ...{ minLength: 1, maxLength: 1_024, pattern: '^[^\\u0000-\\u001f\\u007f]*$' },
      description: 'Only records whose `actor.id` this is.',
    }),
  ),
  from: time('Only records of this moment or later.'),
  to: time('Only records before this moment.'),
}

export const listAuditsQuery = Type.Object({ ...page, ...search })

export const listInstallationAuditsQuery = Type.Object({ ...page, ...search, ...ofTenant })

export const watchTenantQuery = Type.Object({
  after: Type.Optional(
    Type.String({
      pattern: '^(0|[1-9][0-9]{0,14})$',
      description:
        'The last sequence that was seen. Default: that of the header Last-Event-ID, or else the last record that there is now.',
    }),
  ),
})

export const listAuditCheckpointsQuery = Type.Object(page)

export const listAllAuditCheckpointsQuery = Type.Object({ ...page, ...ofTenant })

export const installationAuditHeadQuery = Type.Object(ofTenant)
