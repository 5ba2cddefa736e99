// Setup links as stored: a hash of the secret, never the secret. A link holds as long as its API key does, which is read elsewhere.
import { sql } from 'kysely'
import { columnsOfKind, type SignedRow, type StoredRow } from '../authentic/steering-kinds.ts'
import type { RowMacs } from '../authentic/row-macs.ts'
import { readWritingTime } from '../authentic/writing-time.ts'
import type { Database } from '../database.ts'
import type { DatabaseClock } from '../database-clock.ts'
import { isAfter, microsOf, type ListPage, type ListPosition } from '../list-position.ts'

export interface SetupLinkRow {
  id: string
  tenantId: string
  intent: 'key-provider'
  /** Of the role `setup`. */
  apiKeyId: string
  secretHash: Buffer
  createdAt: Date
  /** The id of the actor who made it. */
  createdBy: string
  expiresAt: Date
  maxUses: number
  /** How many sessions it has begun. */
  uses: number
}

const columns = columnsOfKind('setupLink')
const forgottenAtOnce = 1_000

interface Parts {
  macs: RowMacs
  clock: Pick<DatabaseClock, 'now'>
}

export function setupLinkQueries(db: Database, { macs, clock }: Parts) {
  /** There were no links before there were MACs, so that one without a right MAC never counts. */
  function holding(row: StoredRow<'setupLink'> | undefined): SetupLinkRow | undefined {
    if (row === undefined) return undefined
    if (macs.inspect('setupLink', row) !== undefined) {
      macs.faultOf('setupLink', row)
      return undefined
    }
    return row.expires_at > clock.now() ? fromRow(row) : undefined
  }

  const read = (id: string) => db.selectFrom('setup_links').select(columns).where('id', '=', id)

  return {
    /** Call it in a transaction. */
    async insert(link: Omit<SetupLinkRow, 'createdAt' | 'uses'>): Promise<SetupLinkRow> {
      const row = { ...link, createdAt: await readWritingTime(db), uses: 0 }
      const written = toRow(row)
      await db
        .insertInto('setup_links')
        .values({ ...written, mac: macs.sign('setupLink', written) })
        .execute()
      return row
    },

    /** One that has not ended, used or not. */
    async find(id: string): Promise<SetupLinkRow | undefined> {
      return holding(await read(id).executeTakeFirst())
    },

    /** Counts a use, in a transaction. Whether there was one left. */
    async use(id: string): Promise<boolean> {
      const link = holding(await read(id).forUpdate().executeTakeFirst())
      if (link === undefined || link.uses >= link.maxUses) return false
      const written = toRow({ ...link, uses: link.uses + 1 })
      await db
        .updateTable('setup_links')
        .set({ uses: written.uses, mac: macs.sign('setupLink', written) })
        .where('id', '=', id)
        .execute()
      return true
    },

    /** Those of a tenant with an intent, whoever wrote their rows. Call it while no other transaction makes one. */
    async listOf(tenantId: string, intent: string): Promise<Pick<SetupLinkRow, 'id' | 'apiKeyId'>[]> {
      const rows = await db
        .selectFrom('setup_links')
        .select(['id', 'api_key_id'])
        .where('tenant_id', '=', tenantId)
        .where('intent', '=', intent as 'key-provider')
        .orderBy('id')
        .execute()
      return rows.map((row) => ({ id: row.id, apiKeyId: row.api_key_id }))
    },

    /** The oldest first. @param tenantId - undefined: those of all tenants */
    async list({ after, limit }: ListPage, tenantId?: string): Promise<(SetupLinkRow & ListPosition)[]> {
      let page = db
        .selectFrom('setup_links')
        .select([...columns, microsOf('created_at')])
        .where('expires_at', '>', clock.now())
        .orderBy('created_at')
        .orderBy('id')
        .limit(limit)
      if (after !== undefined) page = page.where(isAfter(after))
      if (tenantId !== undefined) page = page.where('tenant_id', '=', tenantId)
      return (await page.execute()).flatMap(({ created_micros: createdMicros, ...row }) => {
        const link = holding(row)
        return link === undefined ? [] : [{ ...link, createdMicros }]
      })
    },

    async delete(id: string): Promise<void> {
      await db.deleteFrom('setup_links').where('id', '=', id).execute()
    },

    async deleteAll(tenantId: string): Promise<void> {
      await db.deleteFrom('setup_links').where('tenant_id', '=', tenantId).execute()
    },

    /** Deletes those that have ended: by themselves, or with their API key. */
    async forget(): Promise<void> {
      for (;;) {
        const { numAffectedRows = 0n } = await sql`
          delete from keyhold.setup_links where id in (
            select l.id from keyhold.setup_links l
            where l.expires_at < now() or not exists (select from keyhold.api_keys k where k.id = l.api_key_id)
            order by l.id limit ${forgottenAtOnce} for update of l skip locked
          )`.execute(db)
        if (numAffectedRows < BigInt(forgottenAtOnce)) return
      }
    },
  }
}

function toRow(link: SetupLinkRow): SignedRow<'setupLink'> {
  return {
    ...{ id: link.id, tenant_id: link.tenantId, intent: link.intent, api_key_id: link.apiKeyId },
    ...{ secret_hash: link.secretHash, created_at: link.createdAt, created_by: link.createdBy },
    ...{ expires_at: link.expiresAt, max_uses: link.maxUses, uses: link.uses },
  }
}

function fromRow(row: SignedRow<'setupLink'>): SetupLinkRow {
  return {
    ...{ id: row.id, tenantId: row.tenant_id, intent: row.intent, apiKeyId: row.api_key_id },
    ...{ secretHash: row.secret_hash, createdAt: row.created_at, createdBy: row.created_by },
    ...{ expiresAt: row.expires_at, maxUses: row.max_uses, uses: row.uses },
  }
}
