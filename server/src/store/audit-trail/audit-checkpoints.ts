// Checkpoints: what was signed about the ends of chains of audit records. Nothing here is believed: whoever signs compares.
import { sql } from 'kysely'
import type { Database } from '../database.ts'

/** The end of a chain as its head has it. */
export interface ChainEnd {
  /** A tenant's id; empty: the installation's chain. */
  chain: string
  sequence: number
  hash: Buffer
}

/** A head as it is stored, with its MAC. */
export interface LockedEnd extends ChainEnd {
  mac: Buffer | null
}

export interface StoredCheckpoint {
  chain: string
  /** Counts the checkpoints of a chain from 1. */
  number: number
  /** Compact JWS. */
  jws: string
}

/** The end of a chain and its newest checkpoint. */
export interface SeenChain extends ChainEnd {
  newest: StoredCheckpoint | undefined
}

interface SeenRow extends ChainEnd {
  number: number | null
  jws: string | null
}

export function auditCheckpointQueries(db: Database) {
  return {
    /** Chains that have records, by their names; `after` is the last one seen. */
    async listChains({ after, limit }: { after: string | undefined; limit: number }): Promise<SeenChain[]> {
      const { rows } = await sql<SeenRow>`
        select h.chain, h.sequence, h.hash, c.number, c.jws from keyhold.audit_heads h
        left join lateral (${newestOf(sql.ref('h.chain'))}) c on true
        where h.sequence > 0 and (${after ?? null}::text is null or h.chain > ${after ?? null})
        order by h.chain limit ${limit}`.execute(db)
      return rows.map(({ number, jws, ...end }) => ({
        ...end,
        newest: number === null || jws === null ? undefined : { chain: end.chain, number, jws },
      }))
    },

    /** In a transaction: keeps others from appending to these chains and from signing them, until it ends. */
    async lockEnds(chains: readonly string[]): Promise<LockedEnd[]> {
      const { rows } = await sql<LockedEnd>`
        select chain, sequence, hash, mac from keyhold.audit_heads where chain = any(${chains}) and sequence > 0
        order by chain for no key update`.execute(db)
      return rows
    },

    async findNewest(chains: readonly string[]): Promise<StoredCheckpoint[]> {
      const { rows } = await sql<StoredCheckpoint>`
        select w.chain, c.number, c.jws from unnest(${chains}::text[]) as w(chain)
        cross join lateral (${newestOf(sql.ref('w.chain'))}) c`.execute(db)
      return rows
    },

    /** The hashes of the records at these places, as far as there are any. */
    async findHashes(places: readonly { chain: string; sequence: number }[]): Promise<ChainEnd[]> {
      const { rows } = await sql<ChainEnd>`
        select a.chain, a.sequence, a.hash
        from unnest(${places.map(({ chain }) => chain)}::text[], ${places.map(({ sequence }) => sequence)}::bigint[])
          as w(chain, sequence)
        join keyhold.audits a on a.chain = w.chain and a.sequence = w.sequence`.execute(db)
      return rows
    },

    async insert(checkpoints: readonly StoredCheckpoint[]): Promise<void> {
      if (checkpoints.length > 0)
        await db
          .insertInto('audit_checkpoints')
          .values([...checkpoints])
          .execute()
    },

    /** Those of one chain by their numbers; `after` is the number of the last one seen. */
    async list(
      tenantId: string | undefined,
      { after, limit }: { after: number; limit: number },
    ): Promise<StoredCheckpoint[]> {
      return db
        .selectFrom('audit_checkpoints')
        .selectAll()
        .where('chain', '=', tenantId ?? '')
        .where('number', '>', after)
        .orderBy('number')
        .limit(limit)
        .execute()
    },
  }
}

function newestOf(chain: ReturnType<typeof sql.ref>) {
  return sql`select number, jws from keyhold.audit_checkpoints where chain = ${chain} order by number desc limit 1`
}
