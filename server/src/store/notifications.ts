// Messages between replicas through the database's LISTEN and NOTIFY. They make changes take effect sooner, and safety
// does not depend on them: the time limits of the caches make up for a message that is lost.
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { poolConfig, type Database, type DatabaseConnection } from './database.ts'
import { sql } from 'kysely'

const denials = 'keyhold_denials'
const dataKeyChanges = 'keyhold_data_key_changes'
const tenantLocks = 'keyhold_tenant_locks'
const tenantEnds = 'keyhold_tenant_ends'
const tenantSettings = 'keyhold_tenant_settings'
const channels = [denials, dataKeyChanges, tenantLocks, tenantEnds, tenantSettings]
const firstRetryMs = 250
const maxRetryMs = 5_000
// The traffic of a locked tenant meets a denial with every request. Other replicas need not hear of each.
const minIntervalMs = 1_000
const maxRemembered = 10_000

/** What the refusal of a KMS ends: what is held under that key, of one tenant; or of all, if none is named. */
export interface Denial {
  keyArn: string
  tenantId?: string
}

export interface Notifications {
  /** Tells all other replicas what a KMS has denied; at most once a second for each key and tenant. */
  publishDenial(denial: Denial): Promise<void>
  /** Tells all replicas, this one included, that a data key has another active version or another minimum version. */
  publishDataKeyChange(tenantId: string, dataKeyId: string): Promise<void>
  /** Tells all replicas, this one included, that a tenant was locked or unlocked. */
  publishTenantLocks(): Promise<void>
  /** Tells all replicas, this one included, that a tenant changed its settings. */
  publishTenantSettings(tenantId: string): Promise<void>
  /** Tells all replicas, this one included, that a tenant is no more. */
  publishTenantEnd(tenantId: string): Promise<void>
  close(): Promise<void>
}

export interface NotificationListeners {
  /** Receives every denial that another replica publishes. */
  onDenial: (denial: Denial) => void
  onDataKeyChange: (tenantId: string, dataKeyId: string) => void
  onTenantLocks: () => void
  onTenantSettings: (tenantId: string) => void
  onTenantEnd: (tenantId: string) => void
  /** Receives the errors of lost connections. */
  onError: (error: unknown) => void
}

/** Listens on a connection of its own, and connects again when it is lost. */
export function openNotifications(
  db: Database,
  connection: DatabaseConnection,
  listeners: NotificationListeners,
): Notifications {
  const { onDenial, onDataKeyChange, onTenantLocks, onTenantSettings, onTenantEnd, onError } = listeners
  let client: pg.Client | undefined
  let retry: NodeJS.Timeout | undefined
  let retryMs = firstRetryMs
  let isClosed = false
  const publishedMs = new Map<string, number>()
  const self = randomUUID()

  // This replica has evicted before it published. Its own message comes later, when access may be back.
  function receiveDenial(payload: string): void {
    const [keyArn = '', origin, tenantId] = payload.split(' ')
    if (origin !== self) onDenial(tenantId === undefined ? { keyArn } : { keyArn, tenantId })
  }

  async function listen(): Promise<void> {
    const next = new pg.Client({ ...poolConfig(connection), application_name: 'keyhold notifications' })
    client = next
    let isLost = false
    const lose = (error: unknown) => {
      if (isLost || isClosed) return
      isLost = true
      onError(error)
      next.end().catch(() => undefined)
      retry = setTimeout(() => void listen(), retryMs)
      retryMs = Math.min(retryMs * 2, maxRetryMs)
    }
    next.on('error', lose)
    next.on('end', () => {
      lose(new Error('the connection has ended'))
    })
    next.on('notification', ({ channel, payload = '' }) => {
      const [tenantId = '', dataKeyId = ''] = payload.split('/')
      if (channel === denials) receiveDenial(payload)
      else if (channel === tenantLocks) onTenantLocks()
      else if (channel === tenantSettings) onTenantSettings(payload)
      else if (channel === tenantEnds) onTenantEnd(payload)
      else onDataKeyChange(tenantId, dataKeyId)
    })
    try {
      await next.connect()
      for (const channel of channels) await next.query(`listen ${channel}`)
      retryMs = firstRetryMs
    } catch (error) {
      lose(error)
    }
  }

  void listen()
  return {
    async publishDenial({ keyArn, tenantId }) {
      const nowMs = performance.now()
      const name = tenantId === undefined ? keyArn : `${keyArn} ${tenantId}`
      if (nowMs - (publishedMs.get(name) ?? Number.NEGATIVE_INFINITY) < minIntervalMs) return
      if (publishedMs.size >= maxRemembered) publishedMs.clear()
      publishedMs.set(name, nowMs)
      const payload = [keyArn, self, ...(tenantId === undefined ? [] : [tenantId])].join(' ')
      await sql`select pg_notify(${denials}, ${payload})`.execute(db)
    },
    async publishDataKeyChange(tenantId, dataKeyId) {
      await sql`select pg_notify(${dataKeyChanges}, ${`${tenantId}/${dataKeyId}`})`.execute(db)
    },
    async publishTenantLocks() {
      await sql`select pg_notify(${tenantLocks}, '')`.execute(db)
    },
    async publishTenantSettings(tenantId) {
      await sql`select pg_notify(${tenantSettings}, ${tenantId})`.execute(db)
    },
    async publishTenantEnd(tenantId) {
      await sql`select pg_notify(${tenantEnds}, ${tenantId})`.execute(db)
    },
    async close() {
      isClosed = true
      clearTimeout(retry)
      await client?.end().catch(() => undefined)
    },
  }
}
