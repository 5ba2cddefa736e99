// Calls of Keyhold to AWS KMS, and an estimate of their cost.
import Type, { type Static } from 'typebox'
import { limits } from '../limits.ts'

const day = Type.String({ description: 'A day in UTC, such as 2026-01-31.' })
const usd = (description: string) => Type.String({ description: `${description} With six decimals.` })

const counts = {
  calls: Type.Integer({
    description: 'All calls, including those never sent because the budget was used up.',
  }),
  requests: Type.Integer({
    description: 'The requests sent for them, including repetitions by the AWS SDK.',
  }),
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

export const kmsUsageSummary = {
  from: day,
  to: day,
  ...counts,
  estimatedCost: Type.Object(
    {
      usd: usd(
        "The cost of the requests that Keyhold's own account pays for, at the price that the operator has set.",
      ),
      usdPer10000Requests: usd('The price that the operator has set.'),
    },
    {
      description:
        'An estimate without free tier and discounts. AWS may not charge for requests that it refused.',
    },
  ),
}

export const kmsUsage = Type.Object({
  ...kmsUsageSummary,
  rows: Type.Array(
    Type.Object({
      ...kind,
      account: Type.String({ description: 'The account that owns the key.' }),
      ...counts,
    }),
    { description: 'In the order of days, the oldest first.' },
  ),
})

export type KmsUsage = Static<typeof kmsUsage>

export const kmsUsageOfAll = Type.Object({
  ...kmsUsageSummary,
  rows: Type.Array(Type.Object({ ...kind, ...counts }), {
    description: 'All tenants together, in the order of days, the oldest first.',
  }),
  tenants: Type.Array(
    Type.Object({
      tenantId: Type.String({ description: 'The tenant, which may be deleted by now.' }),
      ...counts,
      estimatedUsd: usd("The cost of the requests that Keyhold's own account pays for."),
    }),
    { description: 'The tenant with the most requests first.' },
  ),
  moreTenants: Type.Boolean({ description: 'Whether there are more than `limit`.' }),
})

export type KmsUsageOfAll = Static<typeof kmsUsageOfAll>

const dayForm = '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'

export const kmsUsageQuery = Type.Object({
  from: Type.Optional(
    Type.String({
      pattern: dayForm,
      description: 'The first day in UTC. Default: the first of the month of `to`.',
    }),
  ),
  to: Type.Optional(
    Type.String({
      pattern: dayForm,
      description: 'The last day in UTC. Default: today. The period has at most 366 days.',
    }),
  ),
})

export const kmsUsageOfAllQuery = Type.Object({
  ...kmsUsageQuery.properties,
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9][0-9]{0,2}|1000)$',
      description: `How many tenants: 1 to 1,000; default ${limits.defaultUsageTenants}.`,
    }),
  ),
})
