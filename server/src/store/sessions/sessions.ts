// Sessions as stored: a hash of the secret, never the secret. A row is signed as a whole, and only its last use ever changes.
import { sql } from 'kysely'
import { columnsOfKind, type SignedRow, type StoredRow } from '../authentic/steering-kinds.ts'
import type { RowMacs } from '../authentic/row-macs.ts'
import { readWritingTime } from '../authentic/writing-time.ts'
import { changeQueries, noOrigin } from '../changes/change-queries.ts'
import type { Database } from '../database.ts'
import type { DatabaseClock } from '../database-clock.ts'
import { isAfter, microsOf, type ListPage, type ListPosition } from '../list-position.ts'
import { prepareQuery } from '../prepare-statement.ts'
import type { ApiKeyRole } from '../tables.ts'

/** Whose session it is: an API key's, which it never outlives, or a person's whom an issuer has named. */
export type SessionOwner =
  | { apiKeyId: string }
  | { issuer: string; subject: string; providerSession?: string | undefined }

export interface SessionRow {
  id: string
  secretHash: Buffer
  /** `browser`: its secret is a cookie; `cli`: an access token. */
  kind: 'browser' | 'cli'
  owner: SessionOwner
  /** For people. */
  name: string
  role: ApiKeyRole
  tenantId: string | undefined
  /** Undefined: all that the role allows. Those of an API key are in its row. */
  scopes: readonly string[] | undefined
  createdAt: Date
  /** When its owner last proved who he is. */
  signedInAt: Date
  seenAt: Date
  endsAt: Date
}

export type NewSession = Omit<SessionRow, 'createdAt' | 'seenAt' | 'endsAt' | 'signedInAt'> & {
  /** Default: now. */
  signedInAt?: Date | undefined
}

/** A session that holds. */
export interface FoundSession extends SessionRow {
  /** In how many milliseconds it ends, if nobody uses it any more. */
  endsInMs: number
}

export type ListedSession = Omit<FoundSession, 'secretHash'> & ListPosition

/** Which sessions are meant. */
export type Sessions =
  | { id: string }
  | { apiKeyId: string }
  | { issuer: string; subject: string; providerSession?: string | undefined }
  | { issuer: string; providerSession: string }
  | { tenantId: string }

export const sessionLimits = {
  /** Without a request it ends. */
  idleMs: 1_800_000,
  /** Then it ends, whatever is sent. */
  lifeMs: 43_200_000,
  /** One more of the same owner ends the oldest one. */
  perOwner: 50,
} as const

const columns = columnsOfKind('session')
const forgottenAtOnce = 1_000

const readAll = prepareQuery<[ids: readonly string[]], StoredRow<'session'>>((db, ids) =>
  db
    .selectFrom('sessions')
    .select(columns)
    .where('id', '=', sql<string>`any(${ids}::text[])`),
)

interface Parts {
  macs: RowMacs
  clock: Pick<DatabaseClock, 'now'>
}

export function sessionQueries(db: Database, { macs, clock }: Parts) {
  // In the transaction that ends them: no replica misses it.
  const tellAll = () => changeQueries(db).publish(noOrigin, { kind: 'sessions' })

  /** There were no sessions before there were MACs, so that one without a right MAC never counts. */
  function holding(row: StoredRow<'session'>): FoundSession | undefined {
    if (macs.inspect('session', row) !== undefined) {
      macs.faultOf('session', row)
      return undefined
    }
    const nowMs = clock.now().getTime()
    const endsInMs = Math.min(row.seen_at.getTime() + sessionLimits.idleMs, row.ends_at.getTime()) - nowMs
    return endsInMs > 0 ? { ...fromRow(row), endsInMs } : undefined
  }

  return {
    /** Call it in a transaction. The oldest ones of an owner who has too many end. */
    async insert({ signedInAt, ...session }: NewSession): Promise<SessionRow> {
      const createdAt = await readWritingTime(db)
      const row: SessionRow = {
        ...{ ...session, createdAt, seenAt: createdAt, signedInAt: signedInAt ?? createdAt },
        endsAt: new Date(createdAt.getTime() + sessionLimits.lifeMs),
      }
      const written = toRow(row)
      await db
        .insertInto('sessions')
        .values({ ...written, mac: macs.sign('session', written) })
        .execute()
      const tooMany = db
        .selectFrom('sessions')
        .select('id')
        .where(isMeant(session.owner))
        .orderBy('created_at', 'desc')
        .orderBy('id')
        .offset(sessionLimits.perOwner)
      const { numDeletedRows } = await db
        .deleteFrom('sessions')
        .where('id', 'in', tooMany)
        .executeTakeFirstOrThrow()
      if (numDeletedRows > 0n) await tellAll()
      return row
    },

    /** Those that hold, by their ids. Throws `ERR_SEALED`. */
    async findAll(ids: readonly string[]): Promise<Map<string, FoundSession>> {
      if (ids.length === 0) return new Map()
      const rows = await readAll(db, ids)
      return new Map(
        rows.flatMap((row) => {
          const found = holding(row)
          return found === undefined ? [] : [[row.id, found] as const]
        }),
      )
    },

    /** Whether it holds. If so, nobody ends it before this transaction ends. */
    async hold(id: string): Promise<boolean> {
      const row = await db
        .selectFrom('sessions')
        .select(columns)
        .where('id', '=', id)
        .forKeyShare()
        .executeTakeFirst()
      return row !== undefined && holding(row) !== undefined
    },

    /**
     * The oldest first, those that hold.
     *
     * @param tenantId - undefined: those of all tenants, and of none
     */
    async list({ after, limit }: ListPage, tenantId?: string): Promise<ListedSession[]> {
      const found: ListedSession[] = []
      // Rows that do not hold any more take no place on a page.
      for (let from = after; found.length < limit;) {
        let page = db
          .selectFrom('sessions')
          .select([...columns, microsOf('created_at')])
          .orderBy('created_at')
          .orderBy('id')
          .limit(limit)
        if (from !== undefined) page = page.where(isAfter(from))
        if (tenantId !== undefined) page = page.where('tenant_id', '=', tenantId)
        const rows = await page.execute()
        for (const { created_micros: createdMicros, ...row } of rows) {
          from = { createdMicros, id: row.id }
          const session = holding(row)
          if (session !== undefined && found.length < limit) found.push({ ...session, createdMicros })
        }
        if (rows.length < limit) break
      }
      return found
    },

    /** Notes that a session was used. A later time that another replica has noted stays. */
    async noteUse(session: SessionRow, at: Date): Promise<void> {
      const row = toRow({ ...session, seenAt: at })
      await db
        .updateTable('sessions')
        .set({ seen_at: at, mac: macs.sign('session', row) })
        .where('id', '=', session.id)
        .where('secret_hash', '=', session.secretHash)
        .where('seen_at', '<', at)
        .execute()
    },

    /**
     * Ends sessions, and tells all replicas. Answers which.
     *
     * @param limits - `begunBefore`: later ones are not meant; `tenantId`: those of other tenants, and of none, are not
     */
    async end(
      sessions: Sessions,
      { begunBefore, tenantId }: { begunBefore?: Date; tenantId?: string | undefined } = {},
    ): Promise<Pick<SessionRow, 'id' | 'tenantId'>[]> {
      let meant = db.deleteFrom('sessions').where(isMeant(sessions))
      if (begunBefore !== undefined) meant = meant.where('created_at', '<', begunBefore)
      if (tenantId !== undefined) meant = meant.where('tenant_id', '=', tenantId)
      const ended = await meant.returning(['id', 'tenant_id']).execute()
      if (ended.length > 0) await tellAll()
      return ended.map((row) => ({ id: row.id, tenantId: row.tenant_id ?? undefined }))
    },

    /** Deletes those that have ended by themselves. A wrong time of somebody else's ends no session that holds: its row goes. */
    async forget(): Promise<void> {
      for (;;) {
        const { numAffectedRows = 0n } = await sql`
          delete from keyhold.sessions where id in (
            select id from keyhold.sessions
            where ends_at < now() or seen_at < now() - make_interval(secs => ${sessionLimits.idleMs / 1_000})
            order by id limit ${forgottenAtOnce} for update skip locked
          )`.execute(db)
        if (numAffectedRows < BigInt(forgottenAtOnce)) return
      }
    },
  }
}

function isMeant(which: Sessions | SessionOwner) {
  if ('id' in which) return sql<boolean>`id = ${which.id}`
  if ('apiKeyId' in which) return sql<boolean>`api_key_id = ${which.apiKeyId}`
  if ('tenantId' in which) return sql<boolean>`tenant_id = ${which.tenantId}`
  if ('subject' in which) return sql<boolean>`issuer = ${which.issuer} and subject = ${which.subject}`
  return sql<boolean>`issuer = ${which.issuer} and provider_session = ${which.providerSession}`
}

function toRow({ owner, ...session }: SessionRow): SignedRow<'session'> {
  const person = 'issuer' in owner ? owner : undefined
  return {
    id: session.id,
    secret_hash: session.secretHash,
    kind: session.kind,
    api_key_id: 'apiKeyId' in owner ? owner.apiKeyId : null,
    issuer: person?.issuer ?? null,
    subject: person?.subject ?? null,
    provider_session: person?.providerSession ?? null,
    name: session.name,
    role: session.role,
    tenant_id: session.tenantId ?? null,
    scopes: session.scopes === undefined ? null : [...session.scopes],
    created_at: session.createdAt,
    signed_in_at: session.signedInAt,
    seen_at: session.seenAt,
    ends_at: session.endsAt,
  }
}

function fromRow(row: SignedRow<'session'>): SessionRow {
  const owner: SessionOwner =
    row.api_key_id !== null
      ? { apiKeyId: row.api_key_id }
      : {
          ...{ issuer: row.issuer ?? '', subject: row.subject ?? '' },
          ...(row.provider_session !== null && { providerSession: row.provider_session }),
        }
  return {
    ...{ id: row.id, secretHash: row.secret_hash, kind: row.kind, owner, name: row.name, role: row.role },
    ...{ tenantId: row.tenant_id ?? undefined, scopes: row.scopes ?? undefined },
    ...{ createdAt: row.created_at, signedInAt: row.signed_in_at, seenAt: row.seen_at, endsAt: row.ends_at },
  }
}
