// Keys in memory: the caches, their evictions on this replica and on the others, and the tenants that are locked.
import type { ErrorCode, Kms } from '@keyhold/core'
import type { Socket } from 'node:net'
import type { Logger } from 'pino'
import type { Settings } from '../settings/read-settings.ts'
import { openTenantLocks } from '../health/tenant-locks.ts'
import { createDataKeyCache } from '../keyring/data-key-cache.ts'
import { createDataKeyLeases } from '../keyring/data-key-leases.ts'
import { denialOf } from '../keyring/denial-of.ts'
import { createTenantKeyCache } from '../keyring/tenant-key-cache.ts'
import type { DatabaseConnection } from '../store/database.ts'
import type { DestructionRow } from '../store/destructions/destruction-row.ts'
import { openNotifications, type Denial } from '../store/notifications.ts'
import type { Store } from '../store/store.ts'
import type { Timings } from '../timings.ts'
import type { Callers } from './open-callers.ts'
import type { Closers } from './close-all.ts'
import { keyCacheSizes } from './key-cache-sizes.ts'
import type { Signer } from './open-signer.ts'

const dayMs = 86_400_000

type KeyringSettings = Pick<
  Settings,
  | 'keyCacheTtlSeconds'
  | 'keyCacheMinTtlSeconds'
  | 'keyCacheMib'
  | 'maxKeyNames'
  | 'maxLeases'
  | 'dataKeyMaxAgeDays'
  | 'replica'
>

interface KeyringParts {
  connection: DatabaseConnection
  stream: () => Socket
  store: Store
  kms: Kms
  timings: Timings
  callers: Pick<Callers, 'readAgain' | 'endTenant'>
  signer: Pick<Signer, 'refresh'>
  /** Reads the keys of the issuer again. */
  refreshIssuer: () => Promise<void>
}

export type Keyring = Awaited<ReturnType<typeof openKeyring>>

/** @param closers - receives the functions that close it */
export async function openKeyring(
  {
    keyCacheTtlSeconds,
    keyCacheMinTtlSeconds,
    keyCacheMib,
    maxKeyNames,
    maxLeases,
    dataKeyMaxAgeDays,
    replica,
  }: KeyringSettings,
  logger: Logger,
  { connection, stream, store, kms, timings, callers, signer, refreshIssuer }: KeyringParts,
  closers: Closers,
) {
  const clock = () => performance.now()
  const sizes = keyCacheSizes(keyCacheMib, replica?.of)
  const ttl = { minMs: keyCacheMinTtlSeconds * 1_000, maxMs: keyCacheTtlSeconds * 1_000 }
  const locks = await openTenantLocks({
    store,
    pollMs: timings.lockPollMs,
    onLock: (tenantId) => {
      tenantKeys.evictTenant(tenantId)
    },
    heldTenants: () => tenantKeys.heldTenants(),
    announce: () => {
      // Without a connection it is lost; the other replicas then see the lock when they next poll.
      notifications.publishTenantLocks().catch(() => undefined)
    },
    onError: (error) => {
      logger.warn({ err: error }, 'locks of tenants could not be read: tried again in two seconds')
    },
  })
  closers.push(() => {
    locks.close()
    return Promise.resolve()
  })
  const tenantKeys = createTenantKeyCache({
    store,
    kms,
    ttl,
    maxEntries: sizes.tenantKeys,
    maxEntriesPerTenant: sizes.tenantKeysOfOneTenant,
    clock,
    isLocked: (tenantId) => locks.isLocked(tenantId),
    onDenial: (denial) => {
      // Without the database it is lost; the other replicas then keep the key until its TTL at most.
      notifications.publishDenial(denial).catch(() => undefined)
    },
  })
  const shared = { store, tenantKeys, clock, maxKeyNames }
  const dataKeys = createDataKeyCache({
    ...shared,
    maxEntries: sizes.dataKeys,
    maxEntriesPerTenant: sizes.dataKeysOfOneTenant,
    maxDataKeyAgeMs: dataKeyMaxAgeDays * dayMs,
  })
  // All that they act on is there by now: the first message may come at once.
  const listening = { connection, openStream: stream, beat: timings.notificationBeat }
  const notifications = await openNotifications(store, listening, {
    onDenial: (denial) => {
      tenantKeys.evictDenied(denial)
    },
    onDataKeyChange: (tenantId, dataKeyId) => {
      dataKeys.evict(tenantId, dataKeyId)
    },
    onApiKeys: () => {
      callers.readAgain().catch(() => undefined)
    },
    onSessions: () => {
      callers.readAgain().catch(() => undefined)
    },
    onSigningKey: () => {
      void signer.refresh()
    },
    onIssuerKeys: () => {
      void refreshIssuer()
    },
    onTenantLocks: () => {
      locks.refresh().catch(() => undefined)
    },
    onTenantSettings: (tenantId) => {
      tenantKeys.evictTenant(tenantId)
    },
    onTenantEnd: (tenantId) => {
      callers.endTenant(tenantId)
      dataKeys.evictTenant(tenantId)
      tenantKeys.evictTenant(tenantId)
    },
    onUnknown: () => {
      logger.warn('changes were missed that cannot be read any more: all keys in memory are read anew')
      tenantKeys.endAllWithinTtl()
      void signer.refresh()
      void refreshIssuer()
      locks.refresh().catch(() => undefined)
      callers.readAgain().catch(() => undefined)
    },
    onError: (error) => {
      logger.warn({ err: error }, 'no notifications from other replicas for now')
    },
  })
  closers.push(() => notifications.close())
  const announceDataKeyChange = (tenantId: string, dataKeyId: string) => {
    // Without the database it is lost, like a denial.
    notifications.publishDataKeyChange(tenantId, dataKeyId).catch(() => undefined)
  }
  return {
    tenantKeys,
    dataKeys,
    locks,
    /** A probe was refused: this replica keeps no more what that concerns. */
    evictDenied: (code: ErrorCode, key: Required<Denial>) => {
      tenantKeys.evictDenied(denialOf(code, key))
    },
    /** A probe was refused: no replica keeps any more what that concerns. */
    denied: (code: ErrorCode, key: Required<Denial>) => {
      const denial = denialOf(code, key)
      tenantKeys.evictDenied(denial)
      notifications.publishDenial(denial).catch(() => undefined)
    },
    leases: createDataKeyLeases({ ...shared, maxLeases }),
    announceDataKeyChange,
    /** A new TTL applies from now on: keys that are cached under the old one are evicted. */
    tenantSettingsChanged: (tenantId: string) => {
      tenantKeys.evictTenant(tenantId)
      notifications.publishTenantSettings(tenantId).catch(() => undefined)
    },
    /** The key or the tenant is destroyed: no replica keeps its keys any more. */
    forgetDestroyed: ({ tenantId, dataKeyId }: DestructionRow) => {
      if (dataKeyId === undefined) {
        callers.endTenant(tenantId)
        dataKeys.evictTenant(tenantId)
        tenantKeys.evictTenant(tenantId)
        notifications.publishTenantEnd(tenantId).catch(() => undefined)
      } else {
        dataKeys.evict(tenantId, dataKeyId)
        announceDataKeyChange(tenantId, dataKeyId)
      }
    },
  }
}
