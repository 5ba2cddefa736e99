// How long the server waits between looks at things. Nobody needs other values in production, so they are no settings;
// tests that wait for such a look set shorter ones.
export interface Timings {
  /** Between two looks at which keys are due for a probe. */
  probeRoundMs: number
  /** Until a probe is repeated that contradicts what is shown of a key. */
  probeConfirmSeconds: number
  /** Until a probe confirms what traffic met. */
  probeAfterTrafficSeconds: number
  /** How often what a KMS answers about a key is written, at most. */
  healthWriteMs: number
  /** Between the end of one look at what has fallen due and the next one. */
  sweepMs: number
  /** How long statements may still run when the server stops. */
  stopMs: number
  /** Between two looks at what a stream of events watches. */
  eventPollMs: number
  /** Between two looks at which tenants are locked. */
  lockPollMs: number
  /** Between two looks at whether the API keys that are held still exist. */
  apiKeyPollMs: number
  /** Between two signs of life of this replica. */
  heartbeatMs: number
  /** After this time without a sign of life a replica counts as gone. */
  replicaGoneMs: number
  /** Between two signs of life of the connection for notifications, and how long each answer may take. */
  notificationBeat: { everyMs: number; answerMs: number }
  /** After outages a key is left alone for this long at first, and at most. */
  outagePauseMs: { first: number; max: number }
  /** Before a reply that says that there were too many requests. */
  tooManyPauseMs: number
  /** Before a connection beyond the limit is refused. Whoever floods with connections comes again at once. */
  connectionRefusalPauseMs: number
  /** How long a body may wait to be read. */
  bodyWaitMs: number
  /** How often whole tables are counted for metrics: the share of the time that it takes is 1 / `timesTook` at most. */
  metricCounts: { minMs: number; timesTook: number }
  /** Between two readings of the database's clock. */
  clockMs: number
  /** How long a rehearsal of a migration opens cipherkeys at most; the rest it reckons. */
  censusMs: number
  /** How long an answer to a request may look through a tenant's cipherkeys; what it has not seen then, it says so. */
  countMs: number
  /** The same for the health of a key, which is asked for often. */
  neededMs: number
}

export const defaultTimings: Timings = {
  probeRoundMs: 1_000,
  probeConfirmSeconds: 3,
  probeAfterTrafficSeconds: 2,
  healthWriteMs: 1_000,
  sweepMs: 2_000,
  stopMs: 4_000,
  eventPollMs: 500,
  lockPollMs: 2_000,
  apiKeyPollMs: 1_500,
  heartbeatMs: 2_000,
  replicaGoneMs: 8_000,
  notificationBeat: { everyMs: 5_000, answerMs: 5_000 },
  outagePauseMs: { first: 1_000, max: 4_000 },
  tooManyPauseMs: 1_000,
  connectionRefusalPauseMs: 4_000,
  bodyWaitMs: 5_000,
  metricCounts: { minMs: 15_000, timesTook: 100 },
  clockMs: 10_000,
  censusMs: 8_000,
  countMs: 10_000,
  neededMs: 2_000,
}
