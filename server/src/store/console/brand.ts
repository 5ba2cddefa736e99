// The brand of the installation: one row, which is shown to people and decides nothing.
import type { RowMacs } from '../authentic/row-macs.ts'
import { columnsOfKind, type SignedRow } from '../authentic/steering-kinds.ts'
import { readWritingTime } from '../authentic/writing-time.ts'
import type { Database } from '../database.ts'

export interface BrandLogo {
  type: string
  bytes: Buffer
}

export interface Brand {
  name: string
  /** `#rrggbb` */
  accent: string | undefined
  logo: BrandLogo | undefined
  contact: string | undefined
  imprintUrl: string | undefined
  privacyUrl: string | undefined
  termsUrl: string | undefined
}

/** As it is stored. */
export interface StoredBrand extends Brand {
  /** It rises with each change. */
  version: number
  changedBy: string
  changedAt: Date
}

const id = 'brand'

export function brandQueries(db: Database, macs: RowMacs) {
  const select = () => db.selectFrom('brand').select(columnsOfKind('brand')).where('id', '=', id)

  return {
    /**
     * Undefined: nobody has set one.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_SEALED`
     */
    async find(): Promise<StoredBrand | undefined> {
      const row = await select().executeTakeFirst()
      return row && fromRow(macs.verify('brand', row))
    },

    /** In place of the one before, right or not. */
    async save(brand: Brand, changedBy: string): Promise<StoredBrand> {
      const before = await select().forUpdate().executeTakeFirst()
      const at = await readWritingTime(db)
      const row = {
        ...{ id, version: Math.max((before?.version ?? 0) + 1, at.getTime()), name: brand.name },
        ...{ accent: brand.accent ?? null, contact: brand.contact ?? null },
        ...{ logo: brand.logo?.bytes ?? null, logo_type: brand.logo?.type ?? null },
        ...{ imprint_url: brand.imprintUrl ?? null, privacy_url: brand.privacyUrl ?? null },
        ...{ terms_url: brand.termsUrl ?? null, changed_by: changedBy, changed_at: at },
      }
      const signed = { ...row, mac: macs.sign('brand', row) }
      await db
        .insertInto('brand')
        .values(signed)
        .onConflict((conflict) => conflict.column('id').doUpdateSet(signed))
        .execute()
      return fromRow(row)
    },

    /** Answers whether there was one. */
    async delete(): Promise<boolean> {
      const { numDeletedRows } = await db.deleteFrom('brand').where('id', '=', id).executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
  }
}

function fromRow(row: SignedRow<'brand'>): StoredBrand {
  const logo =
    row.logo === null || row.logo_type === null ? undefined : { type: row.logo_type, bytes: row.logo }
  return {
    ...{ name: row.name, accent: row.accent ?? undefined, logo, contact: row.contact ?? undefined },
    ...{ imprintUrl: row.imprint_url ?? undefined, privacyUrl: row.privacy_url ?? undefined },
    ...{ termsUrl: row.terms_url ?? undefined, version: row.version },
    ...{ changedBy: row.changed_by, changedAt: row.changed_at },
  }
}
