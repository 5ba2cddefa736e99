// Limits that both sides of the wire know.

export const limits = {
  /** Items of one request to encrypt or decrypt. */
  maxItems: 1000,
  /** Plaintext bytes of one item; larger values are for local encryption in the SDK. */
  maxItemPlaintextBytes: 1_048_576,
  /** Bytes of a whole request body. */
  maxBodyBytes: 33_554_432,
  /** Characters of a fingerprint in a path: a tenant id, the longest one, has as many. */
  maxFingerprintCharacters: 64,
  /** Key names of one page of a list. The largest is written out in the pattern of the query, too. */
  maxDataKeysPerPage: 1_000,
  defaultDataKeysPerPage: 100,
  /** Migrations and rotations of one page of a list. The largest is written out in the pattern of the query, too. */
  maxKeyJobsPerPage: 100,
  defaultKeyJobsPerPage: 20,
  /** Failures of one page of a list, and of one request to accept some. As above. */
  maxFailures: 1_000,
  defaultFailuresPerPage: 100,
  /** Destructions of one page of a list. The largest is written out in the pattern of the query, too. */
  maxDestructionsPerPage: 100,
  defaultDestructionsPerPage: 20,
  /** Tenants of one answer about all of them. The largest is written out in the pattern of the query, too. */
  maxUsageTenants: 1_000,
  defaultUsageTenants: 100,
  /** Audit records of one page of a list. As above. */
  maxAuditsPerPage: 1_000,
  defaultAuditsPerPage: 100,
  /** How far ahead a destruction is scheduled. */
  minDestructionDays: 7,
  maxDestructionDays: 30,
  /** Characters of an item's `ref`. */
  maxRefCharacters: 256,
} as const

/** A tenant's id: the alphabet of URLs without escapes, so that there is one spelling of each. */
export const tenantIdPattern = '^[A-Za-z0-9_-]{1,64}$'

/** The name of a data key. */
export const keyNamePattern = '^[A-Za-z0-9._-]{1,64}$'

/** What a path may name as a fingerprint at all; longer ones are told apart first. */
export const fingerprintPattern = '^[A-Za-z0-9_-]+$'
