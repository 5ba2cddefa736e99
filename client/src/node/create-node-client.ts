// The client for Node: what the browser's does, and local encryption.
import {
  createKeyholdClient as createApiClient,
  type KeyholdClient as ApiClient,
  type KeyholdClientOptions as ApiClientOptions,
} from '../create-keyhold-client.ts'
import type { TenantClient as ApiTenantClient } from '../tenant-client.ts'
import { createLeaseStore } from './data-key-leases.ts'
import { createLocalEncryption, type LocalEncryption } from './local-encryption.ts'

export interface KeyholdClientOptions extends ApiClientOptions {
  /** Leased keys held at a time; from 1, default 1,000. */
  maxLeases?: number
  /**
   * Milliseconds for which one data key encrypts new values and files, while its lease is renewed; from 0, default one
   * hour. Each data key is a row on the server.
   */
  dataKeyMaxAgeMs?: number
  /** Instead of `performance.now`: a clock in milliseconds that never goes back, for tests. */
  clock?: () => number
}

export interface TenantClient extends ApiTenantClient {
  readonly local: LocalEncryption
}

export interface KeyholdClient extends ApiClient {
  /** As in browsers, with `local` besides. Handles of one tenant share their leases. */
  tenant(tenantId?: string): TenantClient
  /** Drops all leased keys; local encryption is refused from here on. */
  dispose(): void
}

/** Creates a client without connecting. @throws KeyholdClientError for a URL that is not usable */
export function createKeyholdClient(options: KeyholdClientOptions): KeyholdClient {
  const { maxLeases = 1_000, dataKeyMaxAgeMs = 3_600_000, clock = () => performance.now() } = options
  if (!Number.isSafeInteger(maxLeases) || maxLeases < 1)
    throw new RangeError(`"maxLeases" expected a whole number from 1, got ${maxLeases}`)
  if (!(dataKeyMaxAgeMs >= 0))
    throw new RangeError(`"dataKeyMaxAgeMs" expected a number from 0, got ${dataKeyMaxAgeMs}`)
  const client = createApiClient(options)
  const store = createLeaseStore({ clock, maxLeases, dataKeyMaxAgeMs })
  return {
    call: (routeId, ...rest) => client.call(routeId, ...rest),
    tenant(tenantId = options.tenantId) {
      const tenant = client.tenant(tenantId)
      return { ...tenant, local: createLocalEncryption(store, tenantId, tenant.call) }
    },
    dispose() {
      store.dataKeys.dispose()
      store.blindIndexKeys.dispose()
      store.headers.clear()
    },
  }
}
