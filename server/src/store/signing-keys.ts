// The key that signs, and those that did before. Whoever signs shares the row of the installation until the transaction ends, so that
// nothing is signed with a key that was replaced before.
import type { Authentic } from './authentic/row-macs.ts'
import { columnsOfKind, type SignedRow } from './authentic/steering-kinds.ts'
import { readWritingTime } from './authentic/writing-time.ts'
import type { Database } from './database.ts'
import {
  saveInstallation,
  signingKeyIn,
  takeInstallation,
  type InstallationParts,
  type InstallationRow,
  type StoredSigningKey,
} from './installation.ts'

/** A key that was replaced. */
export interface FormerSigningKey {
  /** Counts the rotations of the installation from 1: this key was replaced by that one. */
  number: number
  id: string
  /** SubjectPublicKeyInfo, DER. */
  publicKey: Buffer
  validFrom: Date
  validTo: Date
  successorId: string
  /** By the key itself, about its successor: a compact JWS. */
  statement: string
  /** The same, signed by the successor. */
  counterstatement: string
}

/** The signing keys as of one moment. */
export interface StoredSigningKeys {
  installationId: string
  /** Of the installation: its first key has signed since then. */
  createdAt: Date
  /** Undefined: the installation has none. */
  current: StoredSigningKey | undefined
  /** The oldest first; those that Keyhold did not write are left out. */
  former: FormerSigningKey[]
  /** Whether some were left out. */
  hasFaulty: boolean
}

/** The same, kept from being replaced by anybody else. */
export interface HeldSigningKeys extends StoredSigningKeys {
  row: Authentic<InstallationRow>
  /** Known before anything is written. */
  at: Date
}

export function signingKeyQueries(db: Database, parts: InstallationParts) {
  async function read(row: Authentic<InstallationRow>): Promise<StoredSigningKeys> {
    const rows = await db
      .selectFrom('former_signing_keys')
      .select(columnsOfKind('formerSigningKey'))
      .orderBy('number')
      .execute()
    const former = rows
      .filter((each) => parts.macs.faultOf('formerSigningKey', each) === undefined)
      .map(fromRow)
    // Its row was put back from before the rotation.
    if (former.some(({ id }) => id === row.signing_key_id)) parts.macs.reject('installation', row, 'older')
    return {
      installationId: row.id,
      createdAt: row.created_at,
      current: signingKeyIn(row),
      former,
      hasFaulty: former.length < rows.length,
    }
  }

  return {
    /**
     * Keeps the key from being replaced until the transaction ends. Call it before anything locks the head of a chain of audit
     * records.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_ROOT_KEY_OUTDATED`, `ERR_SEALED`
     */
    async share(): Promise<StoredSigningKeys> {
      return read(await takeInstallation(db, parts, 'shared'))
    },

    /** For who replaces it: waits for all that sign. */
    async hold(): Promise<HeldSigningKeys> {
      const row = await takeInstallation(db, parts, 'alone')
      return { ...(await read(row)), row, at: await readWritingTime(db) }
    },

    /** Writes a key in the place of the one that `hold` has answered. Nothing is left of its private half. */
    async replace({ row }: HeldSigningKeys, former: FormerSigningKey, next: StoredSigningKey): Promise<void> {
      const written = toRow(former)
      await db
        .insertInto('former_signing_keys')
        .values({ ...written, mac: parts.macs.sign('formerSigningKey', written) })
        .execute()
      await saveInstallation(db, parts, row, {
        signing_key_id: next.id,
        signing_public_key: next.publicKey,
        signing_private_key_wrapped: next.privateKeyWrapped,
      })
    },
  }
}

function toRow(key: FormerSigningKey): SignedRow<'formerSigningKey'> {
  return {
    number: key.number,
    id: key.id,
    public_key: key.publicKey,
    valid_from: key.validFrom,
    valid_to: key.validTo,
    successor_id: key.successorId,
    statement: key.statement,
    counterstatement: key.counterstatement,
  }
}

function fromRow(row: SignedRow<'formerSigningKey'>): FormerSigningKey {
  return {
    number: row.number,
    id: row.id,
    publicKey: row.public_key,
    validFrom: row.valid_from,
    validTo: row.valid_to,
    successorId: row.successor_id,
    statement: row.statement,
    counterstatement: row.counterstatement,
  }
}
