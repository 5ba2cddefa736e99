// The guarded fetch for addresses that the operator names: those of issuers, and the public pages of Keyhold's own.
import { createGuardedFetch, type GuardedFetch } from '../../guarded-fetch/guarded-fetch.ts'
import type { Settings } from '../../settings/read-settings.ts'

export type FetchSettings = Pick<Settings, 'privateHosts' | 'nat64'>

/** Reaches addresses of the internet, and the private hosts that the settings list. */
export function operatorFetch({ privateHosts, nat64 }: FetchSettings): GuardedFetch {
  return createGuardedFetch({ isNat64: nat64, ...(privateHosts && { privateHosts }) })
}
