// The statuses that the original documents for its ten operations: the literal list that the tests of statuses must cover.
import type { RouteId } from '@keyhold/contract'

export const documentedStatuses = {
  listKeyProviders: [200, 400, 417],
  createKeyProvider: [201, 400, 401, 403, 406, 408, 409, 417],
  listAllKeyProviders: [200, 400, 417],
  getKeyProvider: [200, 400, 404, 414],
  patchKeyProvider: [204, 400, 401, 404, 417],
  // Documented as 204 with a body, which no 204 can have.
  deleteKeyProvider: [200, 400, 404, 417, 424],
  migrateToKeyProvider: [200, 400, 401, 404, 412, 424, 428],
  testKeyProvider: [201, 400, 401, 404, 408],
  resetToDefaultProvider: [200, 205, 401, 406, 412, 424],
  getMigrationDetails: [200, 400, 401, 404, 417],
} as const satisfies Partial<Record<RouteId, readonly number[]>>

/** Nothing here leads to these: neither patch nor delete can fail so, and 200 says what 424 says. */
export const causeless: readonly string[] = [
  'patchKeyProvider 417',
  'deleteKeyProvider 417',
  'resetToDefaultProvider 424',
]
