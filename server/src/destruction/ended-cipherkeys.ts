// Describes deleted cipherkeys for a record: the first ones one by one, all of them by a digest.
//
// The digest is SHA-256, in hex, over all of them in the order of data key id and version: 16 bytes of the id, 4 bytes of
// the version, 32 bytes of the key check value. Reports of migrations have the same over the same cipherkeys.
import { uuidToBytes } from '@keyhold/core'
import { createHash } from 'node:crypto'
import { isCountedKeyName } from '../keyring/lease-key-name.ts'
import type { EndedCipherkey } from '../store/cipherkeys/cipherkey-ends.ts'
import type { CipherkeyRow } from '../store/cipherkeys/cipherkeys.ts'

/** More cipherkeys than this are counted and in the digest, not named. */
export const maxListed = 1_000

export interface EndedCipherkeysCount {
  count: number
  dataKeys: number
  /** How many key names have ended. */
  keyNames: number
}

/** Counts a page that follows `last`. */
export function addToCount(
  { count, dataKeys, keyNames }: EndedCipherkeysCount,
  page: readonly EndedCipherkey[],
  last: { dataKeyId: string } | undefined,
): EndedCipherkeysCount {
  let before = last?.dataKeyId
  for (const { dataKeyId, state, keyName } of page) {
    count += 1
    if (dataKeyId !== before) dataKeys += 1
    if (state === 'active' && isCountedKeyName(keyName)) keyNames += 1
    before = dataKeyId
  }
  return { count, dataKeys, keyNames }
}

/** The part of a cipherkey that is in the digest. */
export function identityOf({
  dataKeyId,
  version,
  keyCheckValue,
}: Pick<CipherkeyRow, 'dataKeyId' | 'version' | 'keyCheckValue'>): Buffer {
  const versionBytes = Buffer.alloc(4)
  versionBytes.writeUInt32BE(version)
  return Buffer.concat([uuidToBytes(dataKeyId), versionBytes, keyCheckValue])
}

/** The digest of cipherkeys that are in the order of data key id and version. */
export function digestOfCipherkeys(rows: readonly CipherkeyRow[]): string {
  const hash = createHash('sha256')
  for (const row of rows) hash.update(identityOf(row))
  return hash.digest('hex')
}

/** A cipherkey that is named in the record. */
export function describeCipherkey(cipherkey: EndedCipherkey): Record<string, unknown> {
  return {
    dataKeyId: cipherkey.dataKeyId,
    version: cipherkey.version,
    keyName: cipherkey.keyName ?? null,
    state: cipherkey.state,
    tenantKeyVersion: cipherkey.tenantKeyVersion,
    keyCheckValue: cipherkey.keyCheckValue.toString('hex'),
    // Somebody else may have written a time without end, and nothing may keep a key from being destroyed.
    createdAt: Number.isFinite(Number(cipherkey.createdAt)) ? cipherkey.createdAt.toISOString() : null,
  }
}
