// What Keyhold has asked of AWS KMS, and what that may have cost.
import Type, { type Static } from 'typebox'
import { limits } from '../limits.ts'

const day = Type.String({ description: 'As 2026-01-31, in UTC.' })
const usd = (description: string) => Type.String({ description: `${description} With six decimals.` })

const counts = {
  calls: Type.Integer({ description: 'Also those that were never sent, for want of budget.' }),
  requests: Type.Integer({ description: 'What was sent for them, repetitions by the AWS SDK included.' }),
}

const kind = {
  day,
  region: Type.String(),
  action: Type.String({ description: 'Such as Decrypt.' }),
  outcome: Type.String({ description: '`ok`, or the code of the error.' }),
  paidBy: Type.Union([Type.Literal('keyhold'), Type.Literal('customer')], {
    description: "The account that called: Keyhold's own, or that of the customer's role.",
  }),
}

const summary = {
  from: day,
  to: day,
  ...counts,
  estimatedCost: Type.Object(
    {
      usd: usd(
        "Of the requests that Keyhold's own account pays for, at the price that the operator has set.",
      ),
      usdPer10000Requests: usd('That price.'),
    },
    { description: 'An estimate: no free tier, no discount, and AWS may not charge for what it refused.' },
  ),
}

export const kmsUsage = Type.Object({
  ...summary,
  rows: Type.Array(
    Type.Object({ ...kind, account: Type.String({ description: 'The account of the key.' }), ...counts }),
    { description: 'By day, the oldest first.' },
  ),
})

export type KmsUsage = Static<typeof kmsUsage>

export const kmsUsageOfAll = Type.Object({
  ...summary,
  rows: Type.Array(Type.Object({ ...kind, ...counts }), {
    description: 'Of all tenants together, by day, the oldest first.',
  }),
  tenants: Type.Array(
    Type.Object({
      tenantId: Type.String({ description: 'Of a tenant that may be deleted by now.' }),
      ...counts,
      estimatedUsd: usd("Of the requests that Keyhold's own account pays for."),
    }),
    { description: 'The most requests first.' },
  ),
  moreTenants: Type.Boolean({ description: 'Whether there are more than `limit`.' }),
})

export type KmsUsageOfAll = Static<typeof kmsUsageOfAll>

const dayForm = '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'

export const kmsUsageQuery = Type.Object({
  from: Type.Optional(
    Type.String({
      pattern: dayForm,
      description: 'The first day, in UTC; default: the first of the month of `to`.',
    }),
  ),
  to: Type.Optional(
    Type.String({
      pattern: dayForm,
      description: 'The last day, in UTC, at most 366 in all; default: today.',
    }),
  ),
})

export const kmsUsageOfAllQuery = Type.Object({
  ...kmsUsageQuery.properties,
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9][0-9]{0,2}|1000)$',
      description: `How many tenants, 1 to 1000; default ${limits.defaultUsageTenants}.`,
    }),
  ),
})
