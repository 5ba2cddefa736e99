// Failures of the cluster or the proxy behind a custom key store, as tests switch it on.
import { xksFailures, type XksFailure } from './xks-failures.ts'

/** Failures of a CloudHSM cluster, by the error codes of a connection. */
export const clusterFailures = [
  'CLUSTER_NOT_FOUND',
  'INSUFFICIENT_CLOUDHSM_HSMS',
  'INTERNAL_ERROR',
  'INVALID_CREDENTIALS',
  'NETWORK_ERRORS',
  'SUBNET_NOT_FOUND',
  'USER_LOCKED_OUT',
  'USER_LOGGED_IN',
  'USER_NOT_FOUND',
] as const
export type ClusterFailure = (typeof clusterFailures)[number]

export type BackingFailure = ClusterFailure | XksFailure

export const backingFailureNames: readonly BackingFailure[] = [...clusterFailures, ...xksFailures.keys()]

export interface BackingFailures {
  /**
   * Replaces the failure that the backing has.
   *
   * @param backing - the id of a CloudHSM cluster, or the endpoint of an XKS proxy as in `https://xks.example.com`
   * @param externalKeyId - only calls that use this external key fail. Default: all
   */
  put(backing: string, failure: BackingFailure, externalKeyId?: string): void
  /** Answers whether there was any failure of the backing. */
  clear(backing: string): boolean
  /** @param externalKeyId - absent for calls that concern no external key */
  find(backing: string, externalKeyId?: string): BackingFailure | undefined
}

export function createBackingFailures(): BackingFailures {
  const failures = new Map<string, Map<string, BackingFailure>>()
  return {
    put(backing, failure, externalKeyId = '') {
      const ofBacking = failures.get(backing) ?? new Map<string, BackingFailure>()
      failures.set(backing, ofBacking.set(externalKeyId, failure))
    },
    clear: (backing) => failures.delete(backing),
    find(backing, externalKeyId = '') {
      const ofBacking = failures.get(backing)
      return ofBacking?.get(externalKeyId) ?? ofBacking?.get('')
    },
  }
}
