// Deletes cipherkeys page by page, however many there are, and describes them for a record of bounded size: the first
// ones one by one, all of them by a digest.
import { uuidToBytes } from '@keyhold/core'
import { createHash } from 'node:crypto'
import type { EndedCipherkey } from '../store/cipherkeys/cipherkey-ends.ts'
import type { TransactionStore } from '../store/store.ts'

// Small enough not to hold the event loop for more than a few milliseconds.
const pageRows = 1_000
/** More cipherkeys than this are counted and in the digest, not named. */
const maxListed = 1_000

export interface EndedCipherkeys {
  /** The part of the record that describes them. */
  cipherkeys: { count: number; dataKeys: number; digest: string; listed: unknown[] }
  /** How many key names have ended. */
  keyNames: number
}

/**
 * Deletes the cipherkeys of a data key or, without one, of the whole tenant.
 *
 * The digest is SHA-256, in hex, over all of them in the order of data key id and version: 16 bytes of the id, 4 bytes
 * of the version, 32 bytes of the key check value. Reports of migrations have the same over the same cipherkeys.
 */
export async function endCipherkeys(
  transaction: TransactionStore,
  tenantId: string,
  dataKeyId?: string,
): Promise<EndedCipherkeys> {
  const hash = createHash('sha256')
  const listed: unknown[] = []
  let [count, dataKeys, keyNames] = [0, 0, 0]
  let last: EndedCipherkey | undefined
  await transaction.cipherkeyEnds.readInOrder()
  for (;;) {
    const page = await transaction.cipherkeyEnds.deleteNext(tenantId, {
      dataKeyId,
      limit: pageRows,
      ...(last !== undefined && { after: last }),
    })
    if (page.length === 0) break
    for (const cipherkey of page) {
      count += 1
      if (cipherkey.dataKeyId !== last?.dataKeyId) dataKeys += 1
      if (cipherkey.state === 'active' && cipherkey.keyName !== undefined) keyNames += 1
      hash.update(identityOf(cipherkey))
      if (listed.length < maxListed) listed.push(describe(cipherkey))
      last = cipherkey
    }
  }
  return { cipherkeys: { count, dataKeys, digest: hash.digest('hex'), listed }, keyNames }
}

function identityOf({ dataKeyId, version, keyCheckValue }: EndedCipherkey): Buffer {
  const versionBytes = Buffer.alloc(4)
  versionBytes.writeUInt32BE(version)
  return Buffer.concat([uuidToBytes(dataKeyId), versionBytes, keyCheckValue])
}

function describe(cipherkey: EndedCipherkey): Record<string, unknown> {
  return {
    dataKeyId: cipherkey.dataKeyId,
    version: cipherkey.version,
    keyName: cipherkey.keyName ?? null,
    state: cipherkey.state,
    tenantKeyVersion: cipherkey.tenantKeyVersion,
    keyCheckValue: cipherkey.keyCheckValue.toString('hex'),
    createdAt: cipherkey.createdAt.toISOString(),
  }
}
