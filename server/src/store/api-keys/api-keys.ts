// API keys as stored: a hash of the secret, never the secret.
import type { KeyholdError } from '@keyhold/core'
import { sql } from 'kysely'
import type { Authentic } from '../authentic/row-macs.ts'
import { readWritingTime } from '../authentic/writing-time.ts'
import { changeQueries, noOrigin } from '../changes/change-queries.ts'
import type { Database } from '../database.ts'
import { isRowFault } from '../authentic/row-faults.ts'
import type { guardQueries } from '../guards/guards.ts'
import { saveInstallation, takeInstallation } from '../installation.ts'
import { isAfter, microsOf, type ListPage, type ListPosition } from '../list-position.ts'
import { prepareQuery } from '../prepare-statement.ts'
import type { ApiKeyRole } from '../tables.ts'
import {
  inScope,
  readApiKeys,
  selectApiKeys,
  type ApiKeyParts,
  type JoinedApiKey,
  type StoredApiKey,
} from './api-key-rows.ts'
import { resignScope } from './resign-scope.ts'

/** Made from an authentic row. */
export interface ApiKeyRow {
  id: string
  secretHash: Buffer
  role: ApiKeyRole
  /** Undefined: an operator, or a service for all tenants. */
  tenantId: string | undefined
  name: string
  createdAt: Date
}

/** An API key for whoever has its secret. */
export interface FoundApiKey extends ApiKeyRow {
  /**
   * The row that says which API keys of the tenant, or of the installation, hold is faulty: nobody gets in until an operator
   * has looked.
   */
  scopeFault?: KeyholdError
}

/** An API key in a list. */
export interface ListedApiKey extends Omit<ApiKeyRow, 'secretHash'>, ListPosition {
  /** Keyhold has not written it like this, or it was revoked and put back: it is refused. */
  isTampered: boolean
}

const readAll = prepareQuery<[ids: readonly string[]], JoinedApiKey>((db, ids) =>
  selectApiKeys(db).where('k.id', '=', sql<string>`any(${ids}::text[])`),
)
const readAndHold = prepareQuery<[id: string], JoinedApiKey>((db, id) =>
  selectApiKeys(db).where('k.id', '=', id).forKeyShare('k'),
)

interface Parts extends ApiKeyParts {
  guards: ReturnType<typeof guardQueries>
}

export function apiKeyQueries(db: Database, parts: Parts) {
  const { macs, guards } = parts
  const inInstallation = { macs, seen: parts.seenInstallation }

  // In the transaction that revokes them: no replica misses it.
  const tellAll = () => changeQueries(db).publish(noOrigin, { kind: 'apiKeys' })

  /** Nobody raises it until the transaction ends. */
  const shareGeneration = async (tenantId: string | undefined): Promise<number> =>
    tenantId === undefined
      ? (await takeInstallation(db, inInstallation, 'shared')).api_key_generation
      : guards.shareApiKeyGeneration(tenantId)

  async function raiseGeneration(tenantId: string | undefined): Promise<{ from: number; to: number }> {
    if (tenantId !== undefined) return guards.raiseApiKeyGeneration(tenantId)
    const row = await takeInstallation(db, inInstallation, 'alone')
    const [from, to] = [row.api_key_generation, row.api_key_generation + 1]
    await saveInstallation(db, inInstallation, row, { api_key_generation: to })
    return { from, to }
  }

  async function findScope(id: string): Promise<{ tenantId: string | undefined } | undefined> {
    const row = await db.selectFrom('api_keys').select('tenant_id').where('id', '=', id).executeTakeFirst()
    return row && { tenantId: row.tenant_id ?? undefined }
  }

  return {
    /**
     * Call it in a transaction.
     *
     * @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_RECORD_NOT_AUTHENTIC`, `ERR_SEALED`
     */
    async insert(key: Omit<ApiKeyRow, 'createdAt'>): Promise<ApiKeyRow> {
      const generation = await shareGeneration(key.tenantId)
      const createdAt = await readWritingTime(db)
      const row = {
        id: key.id,
        secret_hash: key.secretHash,
        role: key.role,
        tenant_id: key.tenantId ?? null,
        name: key.name,
        created_at: createdAt,
        generation,
      }
      await db
        .insertInto('api_keys')
        .values({ ...row, mac: macs.sign('apiKey', row) })
        .execute()
      return { ...key, createdAt }
    },

    /** Those of the API keys that hold, by id, and those of which nobody knows. Throws `ERR_SEALED`. */
    async findAll(ids: readonly string[]): Promise<Map<string, FoundApiKey>> {
      const found = await readApiKeys(parts, () => readAll(db, ids))
      return new Map(
        found.flatMap(({ authentic, scopeFault }) =>
          authentic === undefined
            ? []
            : [[authentic.id, { ...fromRow(authentic), ...(scopeFault && { scopeFault }) }] as const],
        ),
      )
    },

    /** The oldest first, without the hashes of their secrets. */
    async list({ after, limit }: ListPage): Promise<ListedApiKey[]> {
      const found = await readApiKeys(parts, () => {
        let page = selectApiKeys(db)
          .select(microsOf('k.created_at'))
          .orderBy('k.created_at')
          .orderBy('k.id')
          .limit(limit)
        if (after !== undefined) page = page.where(isAfter(after, 'k'))
        return page.execute()
      })
      return found.map(({ joined, found: { row }, authentic }) => ({
        ...{ id: row.id, role: row.role, tenantId: row.tenant_id ?? undefined, name: row.name },
        ...{ createdAt: row.created_at, createdMicros: joined.created_micros },
        isTampered: authentic === undefined,
      }))
    },

    /**
     * The ids of the API keys of a tenant that hold, or of those that are of none.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` where their scope is faulty
     */
    async listHolding(tenantId: string | undefined): Promise<string[]> {
      const found = await readApiKeys(parts, () =>
        selectApiKeys(db).where(inScope(tenantId, 'k')).orderBy('k.id').execute(),
      )
      for (const { scopeFault } of found) if (scopeFault !== undefined) throw scopeFault
      return found.flatMap(({ authentic }) => (authentic === undefined ? [] : [authentic.id]))
    },

    /**
     * Brings the API keys of an older database to another generation of their scope, whose row the transaction has locked. Those
     * that were revoked since are deleted, and answered with those that do not hold anyway.
     */
    async restore(
      tenantId: string | undefined,
      { from, to, isRevoked }: { from: number; to: number; isRevoked: (id: string) => boolean },
    ): Promise<Pick<ApiKeyRow, 'id' | 'role'>[]> {
      await resignScope(db, macs, tenantId, { from, to, isRevoked })
      const dead = await db
        .deleteFrom('api_keys')
        .where(inScope(tenantId))
        .where('generation', '<>', to)
        .returning(['id', 'role'])
        .execute()
      return dead.sort((a, b) => (a.id < b.id ? -1 : 1))
    },

    /**
     * Whether the API key holds, with that role. If so, nobody deletes it before this transaction ends, and one who is
     * deleting it has been waited for. Its scope is locked before it, never after.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` where its scope is faulty
     */
    async hold(id: string, role: ApiKeyRole): Promise<boolean> {
      const [found] = await readApiKeys(parts, () => readAndHold(db, id))
      if (found?.scopeFault !== undefined) throw found.scopeFault
      return found?.authentic?.role === role
    },

    /** Locks what a deletion of the API key changes besides its row. Call it before who deletes it is confirmed. */
    async holdScope(id: string): Promise<void> {
      const scope = await findScope(id)
      if (scope?.tenantId !== undefined) await guards.hold(scope.tenantId)
      else if (scope !== undefined) await takeInstallation(db, inInstallation, 'alone')
    },

    /**
     * Tells all replicas. Answers the tenant whose key it was; undefined: there was no such key. The other keys of its scope
     * are signed anew, so that nobody makes it hold again by putting its row back. A row whose tenant somebody has changed
     * before is taken to be of that one.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` where its scope is faulty: then none of its keys holds
     */
    async delete(id: string): Promise<Pick<ApiKeyRow, 'role' | 'tenantId'> | undefined> {
      const scope = await findScope(id)
      if (scope === undefined) return undefined
      const { tenantId } = scope
      const generations = await raiseGeneration(tenantId)
      const row = await db
        .deleteFrom('api_keys')
        .where('id', '=', id)
        .where(inScope(tenantId))
        .returning('role')
        .executeTakeFirst()
      await resignScope(db, macs, tenantId, { ...generations, isRevoked: (each) => each === id })
      if (row !== undefined) await tellAll()
      return row && { role: row.role, tenantId }
    },

    /** Tells all replicas. Answers how many there were. For the deletion of the tenant, whose guard is held. */
    async deleteAll(tenantId: string): Promise<number> {
      const result = await db.deleteFrom('api_keys').where('tenant_id', '=', tenantId).executeTakeFirst()
      const count = Number(result.numDeletedRows)
      if (count === 0) return 0
      // A faulty guard closes the tenant by itself, and does not keep it from being deleted.
      await raiseGeneration(tenantId).catch((error: unknown) => {
        if (!isRowFault(error)) throw error
      })
      await tellAll()
      return count
    },
  }
}

function fromRow(row: Authentic<StoredApiKey>): ApiKeyRow {
  return {
    id: row.id,
    secretHash: row.secret_hash,
    role: row.role,
    tenantId: row.tenant_id ?? undefined,
    name: row.name,
    createdAt: row.created_at,
  }
}
