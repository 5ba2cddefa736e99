// The audit trail. A record is appended by the transaction that makes the change, and by nothing else. Nothing is appended to a
// chain whose head Keyhold did not write.
import {
  auditActions,
  auditChainStart,
  auditHash,
  KeyholdError,
  type AuditAction,
  type AuditRecord,
} from '@keyhold/core'
import { sql, type Selectable } from 'kysely'
import { randomUUID } from 'node:crypto'
import type { RowMacs } from './authentic/row-macs.ts'
import type { Database } from './database.ts'
import type { ApiKeyRole, Tables } from './tables.ts'

/** The originator of a change, and the request. */
export interface Actor {
  /**
   * The id of an API key; `issuer#subject` of a JWT, a certificate or a person; `system`: Keyhold itself; `command`: a person who runs
   * `keyhold-server` on its machine.
   */
  id: string
  role?: ApiKeyRole
  /** The session in which it acts: it must hold, too. */
  sessionId?: string
  /** Of a JWT, a certificate or a person, besides the role. Undefined: an API key, whose row says it; or nobody with a role. */
  granted?: { tenantId: string | undefined; scopes: readonly string[] | undefined }
  traceId?: string
  /** Where the request came from, and with which token or in which session of the actor: members of the record's details. */
  origin?: Partial<Record<'clientAddress' | 'userAgent' | 'tokenId' | 'sessionId' | 'actorName', string>>
}

/** Keyhold itself. */
export const systemActor: Actor = { id: 'system' }

/** A person who runs `keyhold-server` on its machine. */
export const commandActor: Actor = { id: 'command' }

/** The record of one change. */
export interface AuditEntry {
  /** The tenant whose chain it goes into; undefined: the installation's chain. */
  tenantId: string | undefined
  actor: Actor
  action: AuditAction
  targetId: string
  /**
   * Names, numbers and codes: never a secret, a plaintext, a token, or a text of free choice. The reason of a lock is one: whoever
   * writes it is told that it is kept here.
   */
  details?: Readonly<Record<string, string>>
}

export interface AuditRow extends AuditRecord {
  hash: Buffer
}

/** A record, and whether Keyhold wrote it. */
export interface ListedAudit extends AuditRow {
  /**
   * Unsigned: it has no MAC, as all have that were written before there were MACs. Unknown: this replica cannot tell. The rest of
   * a chain that was written anew from one record on has wrong MACs, however right its hashes are.
   */
  mac: 'right' | 'wrong' | 'unsigned' | 'unknown'
}

/** Undefined members leave nothing out. */
export interface AuditSearch {
  action: AuditAction | undefined
  actorId: string | undefined
  from: Date | undefined
  /** Exclusive. */
  to: Date | undefined
  order: 'asc' | 'desc'
  after: number | undefined
  limit: number
}

/** The end of a chain; sequence 0 and a hash of zeros: it has no record yet. */
export interface AuditHead {
  sequence: number
  hash: Buffer
}

function fromRow(row: Selectable<Tables['audits']>): AuditRow {
  return {
    tenantId: row.chain === '' ? undefined : row.chain,
    sequence: row.sequence,
    id: row.id,
    at: row.at,
    actorId: row.actor_id,
    actorRole: row.actor_role ?? undefined,
    action: row.action,
    targetKind: row.target_kind,
    targetId: row.target_id,
    traceId: row.trace_id ?? undefined,
    // This one JSON column is not checked: a record that somebody has changed is shown as it is, so that a check of the
    // chain finds it.
    details: row.details,
    hash: row.hash,
  }
}

export function auditQueries(db: Database, macs: RowMacs) {
  function look(row: Selectable<Tables['audits']>): ListedAudit['mac'] {
    if (macs.isSealed()) return 'unknown'
    const fault = macs.inspect('audit', row)
    if (fault === undefined) return 'right'
    if (fault === 'unsigned') return 'unsigned'
    if (fault === 'outdated') return 'unknown'
    // It is told of where rows are told of.
    macs.faultOf('audit', row)
    return 'wrong'
  }

  return {
    /** In the order of the chain; `after` is the sequence of the last one seen. */
    async list(
      tenantId: string | undefined,
      { after, limit }: { after: number; limit: number },
    ): Promise<ListedAudit[]> {
      const rows = await db
        .selectFrom('audits')
        .selectAll()
        .where('chain', '=', tenantId ?? '')
        .where('sequence', '>', after)
        .orderBy('sequence')
        .limit(limit)
        .execute()
      return rows.map((row) => ({ ...fromRow(row), mac: look(row) }))
    },

    /**
     * Those that a person asks for, in the order of time, which is that of the chain unless the database's clock was set back. `after` is
     * the sequence of the last one seen.
     */
    async search(tenantId: string | undefined, search: AuditSearch): Promise<ListedAudit[]> {
      const { action, actorId, from, to, order, after, limit } = search
      const chain = tenantId ?? ''
      let query = db
        .selectFrom('audits')
        .selectAll()
        .where('chain', '=', chain)
        .orderBy('at', order)
        .orderBy('sequence', order)
        .limit(limit)
      if (action !== undefined) query = query.where('action', '=', action)
      if (actorId !== undefined) query = query.where('actor_id', '=', actorId)
      if (from !== undefined) query = query.where('at', '>=', from)
      if (to !== undefined) query = query.where('at', '<', to)
      if (after !== undefined) {
        const last = await db
          .selectFrom('audits')
          .select(sql<string>`at::text`.as('at'))
          .where('chain', '=', chain)
          .where('sequence', '=', after)
          .executeTakeFirst()
        if (last === undefined) return []
        const place = sql`(${last.at}::timestamptz, ${after}::bigint)`
        query = query.where(
          order === 'asc' ? sql<boolean>`(at, sequence) > ${place}` : sql<boolean>`(at, sequence) < ${place}`,
        )
      }
      return (await query.execute()).map((row) => ({ ...fromRow(row), mac: look(row) }))
    },

    /** As it stands there, whoever wrote it. Undefined: nothing was ever recorded there. */
    async findHead(tenantId: string | undefined): Promise<AuditHead | undefined> {
      return db
        .selectFrom('audit_heads')
        .select(['sequence', 'hash'])
        .where('chain', '=', tenantId ?? '')
        .executeTakeFirst()
    },
  }
}

/**
 * Appends records, in this order within each chain. Call it last in a transaction: then the heads are locked no longer
 * than a commit takes. Chains are locked in one order.
 *
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` where Keyhold did not write the head of a chain
 */
export async function appendAudits(
  db: Database,
  macs: Pick<RowMacs, 'sign' | 'verify'>,
  entries: readonly AuditEntry[],
): Promise<void> {
  const chains = Map.groupBy(entries, ({ tenantId }) => tenantId ?? '')
  for (const chain of [...chains.keys()].sort()) await appendToChain(db, macs, chain, chains.get(chain) ?? [])
}

async function appendToChain(
  db: Database,
  macs: Pick<RowMacs, 'sign' | 'verify'>,
  chain: string,
  entries: readonly AuditEntry[],
): Promise<void> {
  const { at, ...head } = await lockHead(db, macs, chain)
  const rows = entries.map((entry) => {
    const record = recordOf(entry, head.sequence + 1, at)
    head.sequence = record.sequence
    head.hash = auditHash(head.hash, record)
    return { ...record, hash: head.hash, mac: macs.sign('audit', { chain, ...head }) }
  })
  await db
    .with('appended', (query) => query.insertInto('audits').values(rows.map((row) => toRow(chain, row))))
    .updateTable('audit_heads')
    .set({ ...head, mac: macs.sign('auditHead', { chain, ...head }) })
    .where('chain', '=', chain)
    .execute()
}

// The time is read under the lock, so that it goes backwards within a chain only if the database's clock does.
async function lockHead(
  db: Database,
  macs: Pick<RowMacs, 'verify'>,
  chain: string,
): Promise<AuditHead & { at: Date }> {
  const { at, ...row } = await db
    .insertInto('audit_heads')
    .values({ chain })
    .onConflict((conflict) =>
      conflict.column('chain').doUpdateSet({ chain: (eb) => eb.ref('excluded.chain') }),
    )
    .returning([
      ...['chain' as const, 'sequence' as const, 'hash' as const, 'mac' as const],
      sql<Date>`date_trunc('milliseconds', clock_timestamp())`.as('at'),
    ])
    .executeTakeFirstOrThrow()
  // A head without a record says nothing, and has no MAC: it may have been made just now.
  if (row.sequence === 0) {
    await refuseSigned(db, chain)
    return { sequence: 0, hash: auditChainStart, at }
  }
  const { sequence, hash } = macs.verify('auditHead', row)
  return { sequence, hash, at }
}

/** A chain that was signed has had records: it does not begin anew. */
async function refuseSigned(db: Database, chain: string): Promise<void> {
  const signed = await db
    .selectFrom('audit_checkpoints')
    .select('number')
    .where('chain', '=', chain)
    .limit(1)
    .executeTakeFirst()
  if (signed === undefined) return
  throw new KeyholdError('ERR_RECORD_NOT_AUTHENTIC', {
    message: `The database has lost the head of a chain of audit records that was signed: "${chain}". Put it back from a backup.`,
  })
}

function recordOf({ tenantId, actor, action, targetId, details }: AuditEntry, sequence: number, at: Date) {
  return {
    ...{ tenantId, sequence, id: randomUUID(), at },
    ...{ actorId: actor.id, actorRole: actor.role, action },
    ...{ targetKind: auditActions[action].target, targetId },
    ...{ traceId: actor.traceId, details: { ...details, ...actor.origin } },
  } satisfies AuditRecord
}

function toRow(chain: string, row: AuditRow & { mac: Buffer }) {
  return {
    chain,
    sequence: row.sequence,
    id: row.id,
    at: row.at,
    actor_id: row.actorId,
    actor_role: row.actorRole ?? null,
    action: row.action,
    target_kind: row.targetKind,
    target_id: row.targetId,
    trace_id: row.traceId ?? null,
    details: JSON.stringify(row.details),
    hash: row.hash,
    mac: row.mac,
  }
}
