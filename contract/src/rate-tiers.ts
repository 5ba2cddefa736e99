// The rate limits of the original on its ten routes, for each caller: tier 1 reads, tier 2 writes and acts.

export const tierRequestsPerMinute = { 1: 1_000, 2: 100 } as const

export type Tier = keyof typeof tierRequestsPerMinute
