// Messages between replicas. They make changes take effect sooner, and safety does not depend on them: the time limits of
// the caches make up for a message that is lost for good.
import { randomUUID } from 'node:crypto'
import type { Change, Denial } from './changes/change.ts'
import { onShare, ownShares } from './connections/connection-user.ts'
import { listenForChanges, type ListenOptions } from './changes/listen-for-changes.ts'
import type { Store } from './store.ts'

export type { Denial } from './changes/change.ts'

// The traffic of a locked tenant meets a denial with every request. Other replicas need not hear of each.
const minIntervalMs = 5_000
const maxRemembered = 10_000

/** Tells all other replicas. Whoever publishes has acted on this replica before. */
export interface Notifications {
  /** A KMS has denied something; at most every five seconds for each key and tenant. */
  publishDenial(denial: Denial): Promise<void>
  /** A data key has another active version or another minimum version. */
  publishDataKeyChange(tenantId: string, dataKeyId: string): Promise<void>
  /** A tenant was locked or unlocked. */
  publishTenantLocks(): Promise<void>
  publishTenantSettings(tenantId: string): Promise<void>
  /** A tenant is no more. */
  publishTenantEnd(tenantId: string): Promise<void>
  close(): Promise<void>
}

/** They receive what other replicas publish. */
export interface NotificationListeners {
  onDenial: (denial: Denial) => void
  onDataKeyChange: (tenantId: string, dataKeyId: string) => void
  onApiKeys: () => void
  onSessions: () => void
  onSigningKey: () => void
  onIssuerKeys: () => void
  onTenantLocks: () => void
  onTenantSettings: (tenantId: string) => void
  onTenantEnd: (tenantId: string) => void
  /** Anything may have changed: this replica heard nothing for longer than changes are kept. */
  onUnknown: () => void
  /** Receives the errors of lost connections. */
  onError: (error: unknown) => void
}

/** Answers when this replica hears of changes, or cannot for now. It connects again by itself. */
export async function openNotifications(
  store: Pick<Store, 'changes'>,
  options: Pick<ListenOptions, 'connection' | 'openStream' | 'beat' | 'keptMs'>,
  listeners: NotificationListeners,
): Promise<Notifications> {
  const origin = randomUUID()
  const { onUnknown, onError } = listeners
  const publishedMs = new Map<string, number>()
  const listener = listenForChanges({
    ...{ ...options, origin, onUnknown, onError },
    onChange: (change) => {
      dispatch(listeners, change)
    },
  })
  await listener.started
  const publish = (change: Change) =>
    onShare(ownShares.messages, false, () => store.changes.publish(origin, change))
  return {
    async publishDenial({ keyArn, tenantId }) {
      const nowMs = performance.now()
      const name = `${keyArn} ${tenantId ?? ''}`
      if (nowMs - (publishedMs.get(name) ?? Number.NEGATIVE_INFINITY) < minIntervalMs) return
      if (publishedMs.size >= maxRemembered) publishedMs.clear()
      publishedMs.set(name, nowMs)
      try {
        await publish({ kind: 'denial', keyArn, ...(tenantId !== undefined && { tenantId }) })
      } catch (error) {
        // Nobody has heard of it, so the next one is told.
        publishedMs.delete(name)
        throw error
      }
    },
    publishDataKeyChange: (tenantId, dataKeyId) => publish({ kind: 'dataKey', tenantId, dataKeyId }),
    publishTenantLocks: () => publish({ kind: 'tenantLocks' }),
    publishTenantSettings: (tenantId) => publish({ kind: 'tenantSettings', tenantId }),
    publishTenantEnd: (tenantId) => publish({ kind: 'tenantEnd', tenantId }),
    close: () => listener.close(),
  }
}

function dispatch(listeners: NotificationListeners, change: Change): void {
  switch (change.kind) {
    case 'denial':
      listeners.onDenial({
        keyArn: change.keyArn,
        ...(change.tenantId !== undefined && { tenantId: change.tenantId }),
      })
      return
    case 'dataKey':
      listeners.onDataKeyChange(change.tenantId, change.dataKeyId)
      return
    case 'apiKeys':
      listeners.onApiKeys()
      return
    case 'sessions':
      listeners.onSessions()
      return
    case 'signingKey':
      listeners.onSigningKey()
      return
    case 'issuerKeys':
      listeners.onIssuerKeys()
      return
    case 'tenantLocks':
      listeners.onTenantLocks()
      return
    case 'tenantSettings':
      listeners.onTenantSettings(change.tenantId)
      return
    case 'tenantEnd':
      listeners.onTenantEnd(change.tenantId)
  }
}
