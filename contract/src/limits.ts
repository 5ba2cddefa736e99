// Limits that both ends of the wire must know.

export const limits = {
  /** Items of one request to encrypt or decrypt. */
  maxItems: 1000,
  /** Plaintext bytes of one item. The SDK encrypts larger values locally. */
  maxItemPlaintextBytes: 1_048_576,
  /** Bytes of a whole request body with items, or with one value as bytes. */
  maxBodyBytes: 33_554_432,
  /** Bytes of any other request body. The longest one, of failures to accept, has 100,000. */
  maxManagementBodyBytes: 1_048_576,
  /** Characters of a fingerprint in a path. The longest one is a tenant id. */
  maxFingerprintCharacters: 64,
  // The pattern of a query repeats the maximum of its page.
  /** Key names on one page of a list. */
  maxDataKeysPerPage: 1_000,
  defaultDataKeysPerPage: 100,
  /** Key jobs on one page of a list. */
  maxKeyJobsPerPage: 100,
  defaultKeyJobsPerPage: 20,
  /** Failures on one page of a list, and in one request to accept some. */
  maxFailures: 1_000,
  defaultFailuresPerPage: 100,
  /** Destructions on one page of a list. */
  maxDestructionsPerPage: 100,
  defaultDestructionsPerPage: 20,
  /** Tenants in one reply about all of them. */
  maxUsageTenants: 1_000,
  defaultUsageTenants: 100,
  /** Audit records on one page of a list. */
  maxAuditsPerPage: 1_000,
  defaultAuditsPerPage: 100,
  /** Tenants, API keys or versions on one page of a list. */
  maxListedPerPage: 1_000,
  defaultListedPerPage: 100,
  /** How many days ahead a destruction may be scheduled. */
  minDestructionDays: 7,
  maxDestructionDays: 30,
  /** How long an API key may be made for, and its scopes and networks. */
  minKeyLifeSeconds: 60,
  maxKeyLifeSeconds: 315_360_000,
  maxScopes: 100,
  maxAddresses: 100,
  /** For how long a key that is replaced may go on working: 30 days. */
  maxOverlapSeconds: 2_592_000,
  /** Days for which the draft of a key set-up stays without a change. */
  setupDraftDays: 30,
  /** Drills on one page of a list. */
  maxDrillsPerPage: 100,
  defaultDrillsPerPage: 20,
  /** Characters of the reason of a lock. */
  maxLockReasonCharacters: 256,
  /** How long a setup link works, and how often. */
  minSetupLinkSeconds: 3_600,
  maxSetupLinkSeconds: 2_592_000,
  maxSetupLinkUses: 20,
  /** A dangerous act in a session wants a sign-in that is no older. */
  freshSignInSeconds: 300,
  /** Characters of an item's `ref`. */
  maxRefCharacters: 256,
} as const

/** A tenant's id. No character of it needs an escape in a URL, so each id has one spelling there. */
export const tenantIdPattern = '^[A-Za-z0-9_-]{1,64}$'

/** The name of a data key. */
export const keyNamePattern = '^[A-Za-z0-9._-]{1,64}$'

/** A fingerprint in a path. Its length is checked first, as it has a status of its own. */
export const fingerprintPattern = '^[A-Za-z0-9_-]+$'
