// The keys with which Keyhold signs in at customers' clouds. Whoever makes or revokes one holds the row of the installation, so that
// one replica does it at a time.
import type { Authentic } from './authentic/row-macs.ts'
import { columnsOfKind, type SignedRow } from './authentic/steering-kinds.ts'
import { readWritingTime } from './authentic/writing-time.ts'
import type { Database } from './database.ts'
import {
  acceptInstallation,
  saveInstallation,
  takeInstallation,
  type InstallationParts,
  type InstallationRow,
} from './installation.ts'

export interface StoredIssuerKey {
  /** RFC 7638 thumbprint, base64url. */
  id: string
  createdAt: Date
  /** From then on it signs, until a later one does. */
  signsFrom: Date
  privateKeyWrapped: Buffer
}

/** The keys as of one moment. */
export interface StoredIssuerKeys {
  /** The one that signs last at the end. Those that Keyhold did not write, or that were revoked, are left out. */
  keys: StoredIssuerKey[]
  /** Keys that were made before then are revoked. Undefined: none ever was. */
  revokedBefore: Date | undefined
  /** Whether some rows are not as Keyhold wrote them. */
  hasFaulty: boolean
  /** By the database's clock. */
  at: Date
}

/** The same, kept from being changed by anybody else. */
export interface HeldIssuerKeys extends StoredIssuerKeys {
  row: Authentic<InstallationRow>
}

export function issuerKeyQueries(db: Database, parts: InstallationParts) {
  const { macs, seen } = parts

  async function read({ issuer_keys_from: from }: Authentic<InstallationRow>): Promise<StoredIssuerKeys> {
    const rows = await db
      .selectFrom('issuer_keys')
      .select(columnsOfKind('issuerKey'))
      .orderBy('signs_from')
      .orderBy('id')
      .execute()
    const right = rows.filter((row) => macs.faultOf('issuerKey', row) === undefined)
    return {
      keys: right.map(fromRow).filter(({ createdAt }) => from === null || createdAt >= from),
      revokedBefore: from ?? undefined,
      hasFaulty: right.length < rows.length,
      at: await readWritingTime(db),
    }
  }

  return {
    /** @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_ROOT_KEY_OUTDATED`, `ERR_SEALED` */
    async list(): Promise<StoredIssuerKeys> {
      const before = seen.get('')
      const row = await db
        .selectFrom('installation')
        .select(columnsOfKind('installation'))
        .executeTakeFirstOrThrow()
      return read(acceptInstallation(parts, row, before))
    },

    /** For who makes or revokes keys, in a transaction. */
    async hold(): Promise<HeldIssuerKeys> {
      const row = await takeInstallation(db, parts, 'alone')
      return { ...(await read(row)), row }
    },

    async insert(key: StoredIssuerKey): Promise<void> {
      const written = toRow(key)
      await db
        .insertInto('issuer_keys')
        .values({ ...written, mac: macs.sign('issuerKey', written) })
        .execute()
    },

    /** Nothing is left of the private halves. */
    async delete(ids: readonly string[]): Promise<void> {
      if (ids.length > 0) await db.deleteFrom('issuer_keys').where('id', 'in', ids).execute()
    },

    /** Keys that were made before then count for nothing any more, whoever puts their rows back. */
    async revoke({ row }: HeldIssuerKeys, before: Date): Promise<void> {
      await saveInstallation(db, parts, row, { issuer_keys_from: before })
      await db.deleteFrom('issuer_keys').where('created_at', '<', before).execute()
    },
  }
}

function toRow(key: StoredIssuerKey): SignedRow<'issuerKey'> {
  return {
    id: key.id,
    created_at: key.createdAt,
    signs_from: key.signsFrom,
    private_key_wrapped: key.privateKeyWrapped,
  }
}

function fromRow(row: SignedRow<'issuerKey'>): StoredIssuerKey {
  return {
    id: row.id,
    createdAt: row.created_at,
    signsFrom: row.signs_from,
    privateKeyWrapped: row.private_key_wrapped,
  }
}
