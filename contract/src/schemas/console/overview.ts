// The state of a tenant in one answer: what protects it, whether that is well, and who has to act.
import { keyCauseCodes, turnCodes, type KeyCauseCode, type TurnCode } from '@keyhold/core/key-sentences'
import Type, { type Static } from 'typebox'
import { destruction } from '../destruction.ts'
import { keyAlias } from '../key-alias.ts'
import { actingParty, keyHealth } from '../key-health.ts'
import { keyJob } from '../key-job.ts'
import { kmsUsageSummary } from '../kms-usage.ts'
import { tenantLock } from '../tenant-lock.ts'

const light = Type.Object(
  {
    state: Type.Union([
      Type.Literal('in-use', { description: 'Something needs the key.' }),
      Type.Literal('kept', { description: 'Nothing but backups needs it, until then.' }),
      Type.Literal('shared', { description: 'Another tenant needs it: its usage is asked for there.' }),
      Type.Literal('safe', { description: 'Nothing of this installation has needed it since then.' }),
    ]),
    until: Type.Optional(Type.String({ description: 'RFC 3339 in UTC.' })),
    since: Type.Optional(Type.String({ description: 'RFC 3339 in UTC.' })),
  },
  { description: 'Whether the key is safe to delete in its KMS. `usage` of the key provider tells why.' },
)

export const overview = Type.Object({
  tenant: Type.Object({ id: Type.String(), name: Type.String() }),
  generatedAt: Type.String({ description: 'By the clock of the database. RFC 3339 in UTC.' }),
  turn: Type.Object(
    {
      owner: actingParty,
      code: Type.Unsafe<KeyCauseCode | TurnCode>(
        Type.Union([...keyCauseCodes, ...turnCodes].map((code) => Type.Literal(code))),
      ),
      params: Type.Record(Type.String(), Type.String()),
      text: Type.String({ description: 'The sentence of the code in English.' }),
      since: Type.Optional(Type.String({ description: 'RFC 3339 in UTC.' })),
      data: Type.Union([
        Type.Literal('open'),
        Type.Literal('closing', {
          description: 'Keys in memory still open, for as long as they may be held.',
        }),
        Type.Literal('closed'),
      ]),
      arnFingerPrint: Type.Optional(Type.String({ description: 'The key that it is about.' })),
    },
    { description: 'The first thing that is the matter, by who has to act. The operator comes first.' },
  ),
  keys: Type.Array(
    Type.Object({
      arnFingerPrint: Type.String(),
      name: Type.String(),
      arn: Type.String(),
      current: Type.Boolean({ description: 'Whether it protects the tenant now. Exactly one does.' }),
      internal: Type.Boolean({ description: 'Whether it is the key of the internal KMS.' }),
      drCompliant: Type.Optional(Type.Boolean()),
      health: Type.Optional(keyHealth),
      alias: Type.Optional(keyAlias),
      light: Type.Optional(light),
      tampered: Type.Optional(Type.Literal(true)),
    }),
    { description: 'The registered keys, and that of the internal KMS, which has neither health nor light.' },
  ),
  formerKeys: Type.Array(Type.Object({ arn: Type.String(), arnFingerPrint: Type.String(), light }), {
    description: 'Keys whose key providers are deleted, and which are still needed.',
  }),
  lock: tenantLock,
  keyJob: Type.Optional(keyJob),
  nextDestruction: Type.Optional(destruction),
  month: Type.Object(kmsUsageSummary, { description: 'Calls to AWS KMS since the first of the month.' }),
})

export type Overview = Static<typeof overview>
