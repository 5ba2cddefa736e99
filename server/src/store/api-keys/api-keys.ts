// API keys as stored: a hash of the secret, never the secret.
import { KeyholdError } from '@keyhold/core'
import { sql } from 'kysely'
import type { Authentic } from '../authentic/row-macs.ts'
import { readWritingTime } from '../authentic/writing-time.ts'
import { changeQueries, noOrigin } from '../changes/change-queries.ts'
import type { Database } from '../database.ts'
import type { DatabaseClock } from '../database-clock.ts'
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
  /** From then on it is refused. Undefined: it does not end by itself. */
  expiresAt?: Date | undefined
  /** The rest of its role's permissions. Undefined: all; empty: nothing. */
  scopes?: readonly string[] | undefined
  /** The networks from which it may be used, as `10.0.0.0/8`. Undefined: all. */
  addresses?: readonly string[] | undefined
  /** The id of the actor who has made it. Undefined: made by a version before. */
  createdBy?: string | undefined
  /** The actor who began the chain of keys that have made one another. */
  responsible?: string | undefined
  /** The API key that it was made to replace. */
  predecessorId?: string | undefined
}

export interface NewApiKey extends Omit<ApiKeyRow, 'createdAt' | 'expiresAt'> {
  /** How long it lives, counted from the time that its row names. Undefined: it does not end by itself. */
  lifeMs?: number | undefined
}

/** An API key for whoever has its secret. */
export interface FoundApiKey extends ApiKeyRow {
  /**
   * The row that says which API keys of the tenant, or of the installation, hold is faulty: nobody gets in until an operator
   * has looked.
   */
  scopeFault?: KeyholdError
  /** In how many milliseconds it ends by itself. */
  endsInMs?: number
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

const readAndChange = prepareQuery<[id: string], JoinedApiKey>((db, id) =>
  selectApiKeys(db).where('k.id', '=', id).forNoKeyUpdate('k'),
)
const endingAtOnce = 1_000

interface Parts extends ApiKeyParts {
  guards: ReturnType<typeof guardQueries>
  clock: Pick<DatabaseClock, 'now'>
}

export function apiKeyQueries(db: Database, parts: Parts) {
  const { macs, guards, clock } = parts
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

  async function readScope(tenantId: string | undefined): Promise<Authentic<StoredApiKey>[]> {
    const found = await readApiKeys(parts, () =>
      selectApiKeys(db).where(inScope(tenantId, 'k')).orderBy('k.id').execute(),
    )
    for (const { scopeFault } of found) if (scopeFault !== undefined) throw scopeFault
    return found.flatMap(({ authentic }) => (authentic === undefined ? [] : [authentic]))
  }

  return {
    /**
     * Call it in a transaction.
     *
     * @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_RECORD_NOT_AUTHENTIC`, `ERR_SEALED`
     */
    async insert({ lifeMs, ...key }: NewApiKey): Promise<ApiKeyRow> {
      const generation = await shareGeneration(key.tenantId)
      const createdAt = await readWritingTime(db)
      const expiresAt = lifeMs === undefined ? undefined : new Date(createdAt.getTime() + lifeMs)
      const row = {
        id: key.id,
        secret_hash: key.secretHash,
        role: key.role,
        tenant_id: key.tenantId ?? null,
        name: key.name,
        created_at: createdAt,
        expires_at: expiresAt ?? null,
        scopes: key.scopes === undefined ? null : [...key.scopes],
        addresses: key.addresses === undefined ? null : [...key.addresses],
        created_by: key.createdBy ?? null,
        responsible: key.responsible ?? null,
        predecessor_id: key.predecessorId ?? null,
        generation,
      }
      await db
        .insertInto('api_keys')
        .values({ ...row, mac: macs.sign('apiKey', row) })
        .execute()
      return { ...key, createdAt, ...(expiresAt !== undefined && { expiresAt }) }
    },

    /** Those of the API keys that hold now, by id, and those of which nobody knows. Throws `ERR_SEALED`. */
    async findAll(ids: readonly string[]): Promise<Map<string, FoundApiKey>> {
      const found = await readApiKeys(parts, () => readAll(db, ids))
      const nowMs = clock.now().getTime()
      return new Map(
        found.flatMap(({ authentic, scopeFault }) => {
          if (authentic === undefined) return []
          const endsInMs = authentic.expires_at === null ? undefined : authentic.expires_at.getTime() - nowMs
          if (endsInMs !== undefined && endsInMs <= 0) return []
          const key = {
            ...fromRow(authentic),
            ...(scopeFault && { scopeFault }),
            ...(endsInMs !== undefined && { endsInMs }),
          }
          return [[authentic.id, key] as const]
        }),
      )
    },

    /**
     * One API key, also one that has ended by itself. Undefined: there is none that Keyhold wrote as it is.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` where its scope is faulty
     */
    async find(id: string): Promise<ApiKeyRow | undefined> {
      const [found] = await readApiKeys(parts, () => readAll(db, [id]))
      if (found?.scopeFault !== undefined) throw found.scopeFault
      return found?.authentic && fromRow(found.authentic)
    },

    /**
     * The oldest first, without the hashes of their secrets.
     *
     * @param tenantId - undefined: those of all tenants, and of none
     */
    async list({ after, limit }: ListPage, tenantId?: string): Promise<ListedApiKey[]> {
      const found = await readApiKeys(parts, () => {
        let page = selectApiKeys(db)
          .select(microsOf('k.created_at'))
          .orderBy('k.created_at')
          .orderBy('k.id')
          .limit(limit)
        if (after !== undefined) page = page.where(isAfter(after, 'k'))
        if (tenantId !== undefined) page = page.where('k.tenant_id', '=', tenantId)
        return page.execute()
      })
      return found.map(({ joined, found: { row }, authentic }) => ({
        ...withoutHash(row),
        createdMicros: joined.created_micros,
        isTampered: authentic === undefined,
      }))
    },

    /**
     * The ids of the API keys of a tenant that hold, or of those that are of none.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` where their scope is faulty
     */
    async listHolding(tenantId: string | undefined): Promise<string[]> {
      return (await readScope(tenantId)).map(({ id }) => id)
    },

    /**
     * The API keys of a tenant that hold now, or of those that are of none. In a transaction that has called `holdScope` before,
     * no other one appears or goes meanwhile.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` where their scope is faulty
     */
    async listValid(tenantId: string | undefined): Promise<ApiKeyRow[]> {
      const now = clock.now()
      return (await readScope(tenantId)).map(fromRow).filter((row) => !hasEnded(row, now))
    },

    /**
     * As `listValid`, with those that have ended by themselves.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` where their scope is faulty
     */
    async listAll(tenantId: string | undefined): Promise<ApiKeyRow[]> {
      return (await readScope(tenantId)).map(fromRow)
    },

    /** The API keys that end within a time, the next one first. */
    async listEnding(withinMs: number): Promise<ApiKeyRow[]> {
      const now = clock.now()
      const until = new Date(now.getTime() + withinMs)
      const ending: ApiKeyRow[] = []
      let after: { endsAt: string; id: string } | undefined
      // All of them: whoever makes many keys that end soon, or many rows that are none, must not hide those of others. By the time
      // of their end, whose index has it: in the order of ids each page would read all that end by then.
      for (;;) {
        const beyond =
          after === undefined
            ? sql<boolean>`true`
            : sql<boolean>`(k.expires_at, k.id) > (${after.endsAt}::timestamptz, ${after.id})`
        const found = await readApiKeys(parts, () =>
          selectApiKeys(db)
            .select(sql<string>`k.expires_at::text`.as('ends_at'))
            .where('k.expires_at', '>', now)
            .where('k.expires_at', '<=', until)
            .where(beyond)
            .orderBy('k.expires_at')
            .orderBy('k.id')
            .limit(endingAtOnce)
            .execute(),
        )
        for (const { authentic } of found) if (authentic !== undefined) ending.push(fromRow(authentic))
        const last = found.at(-1)
        if (last === undefined) return ending
        after = { endsAt: last.joined.ends_at, id: last.found.row.id }
      }
    },

    /**
     * Brings the API keys of an older database to another generation of their scope, whose row the transaction has locked. Those
     * that were revoked since are deleted, and answered with those that do not hold anyway.
     */
    async restore(
      tenantId: string | undefined,
      { from, to, isRevoked }: { from: number; to: number; isRevoked: (id: string) => boolean },
    ): Promise<Pick<ApiKeyRow, 'id' | 'role'>[]> {
      await resignScope(db, macs, tenantId, { from, to, isRevoked: ({ id }) => isRevoked(id) })
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
      const key = found?.authentic
      return key?.role === role && !hasEnded(fromRow(key), clock.now())
    },

    /**
     * Gives it another name. Its scope is as it was. Answers the key as it is now; undefined: there is no such key that holds.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` where its scope is faulty
     */
    async rename(id: string, name: string): Promise<ApiKeyRow | undefined> {
      const [found] = await readApiKeys(parts, () => readAndChange(db, id))
      if (found?.scopeFault !== undefined) throw found.scopeFault
      if (found?.authentic === undefined) return undefined
      const row = { ...found.authentic, name }
      await db
        .updateTable('api_keys')
        .set({ name, mac: macs.sign('apiKey', row) })
        .where('id', '=', id)
        .execute()
      return fromRow(row)
    },

    /**
     * Has it end earlier. As after a revocation its row from before does not hold any more: the other keys of its scope are
     * signed anew. Call `holdScope` before. Tells all replicas.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` where its scope is faulty
     */
    async endEarlier(id: string, expiresAt: Date): Promise<void> {
      const [found] = await readApiKeys(parts, () => readAndChange(db, id))
      if (found?.scopeFault !== undefined) throw found.scopeFault
      if (found?.authentic === undefined) throw new KeyholdError('ERR_API_KEY_NOT_FOUND')
      const row = { ...found.authentic, expires_at: expiresAt }
      const generations = await raiseGeneration(row.tenant_id ?? undefined)
      await db
        .updateTable('api_keys')
        .set({ expires_at: expiresAt, mac: macs.sign('apiKey', row) })
        .where('id', '=', id)
        .execute()
      await resignScope(db, macs, row.tenant_id ?? undefined, {
        ...generations,
        // A database that goes on showing the row from before must not get that signed.
        isRevoked: (each) => each.id === id && each.expires_at?.getTime() !== expiresAt.getTime(),
      })
      await tellAll()
    },

    /**
     * Whether there is such an API key, whoever wrote its row, and of that tenant.
     *
     * @param tenantId - undefined: of any tenant, or of none
     */
    async isIn(id: string, tenantId: string | undefined): Promise<boolean> {
      const scope = await findScope(id)
      return scope !== undefined && (tenantId === undefined || scope.tenantId === tenantId)
    },

    /** How many API keys a tenant has, also such as have ended by themselves. */
    async countOf(tenantId: string): Promise<number> {
      const { count } = await db
        .selectFrom('api_keys')
        .select(({ fn }) => fn.countAll<string>().as('count'))
        .where('tenant_id', '=', tenantId)
        .executeTakeFirstOrThrow()
      return Number(count)
    },

    /** Whether there is such an API key, and it is of no tenant. */
    async isOfNone(id: string): Promise<boolean> {
      const scope = await findScope(id)
      return scope !== undefined && scope.tenantId === undefined
    },

    /** The names of API keys as Keyhold wrote them, by their ids. */
    async findNames(ids: readonly string[], tenantId: string | undefined): Promise<Map<string, string>> {
      if (ids.length === 0) return new Map()
      const found = await readApiKeys(parts, () => readAll(db, ids))
      return new Map(
        found.flatMap(({ authentic }) => {
          const isShown =
            authentic !== undefined && (tenantId === undefined || authentic.tenant_id === tenantId)
          return isShown ? [[authentic.id, authentic.name] as const] : []
        }),
      )
    },

    /** Locks what a deletion of the API key changes besides its row. Call it before who deletes it is confirmed. */
    async holdScope(id: string): Promise<void> {
      const scope = await findScope(id)
      if (scope?.tenantId !== undefined) await guards.hold(scope.tenantId)
      else if (scope !== undefined) await takeInstallation(db, inInstallation, 'alone')
    },

    /** The same for what is made in a tenant: no other API key of it appears or goes until the transaction ends. */
    async holdScopeOf(tenantId: string): Promise<void> {
      await guards.hold(tenantId)
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
      await resignScope(db, macs, tenantId, { ...generations, isRevoked: (each) => each.id === id })
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

/** The time is the database's. */
export function hasEnded({ expiresAt }: Pick<ApiKeyRow, 'expiresAt'>, now: Date): boolean {
  return expiresAt !== undefined && expiresAt.getTime() <= now.getTime()
}

function fromRow(row: StoredApiKey): ApiKeyRow {
  return { ...withoutHash(row), secretHash: row.secret_hash }
}

function withoutHash(row: StoredApiKey): Omit<ApiKeyRow, 'secretHash'> {
  return {
    id: row.id,
    role: row.role,
    tenantId: row.tenant_id ?? undefined,
    name: row.name,
    createdAt: row.created_at,
    ...(row.expires_at !== null && { expiresAt: row.expires_at }),
    ...(row.scopes !== null && { scopes: row.scopes }),
    ...(row.addresses !== null && { addresses: row.addresses }),
    ...(row.created_by !== null && { createdBy: row.created_by }),
    ...(row.responsible !== null && { responsible: row.responsible }),
    ...(row.predecessor_id !== null && { predecessorId: row.predecessor_id }),
  }
}
