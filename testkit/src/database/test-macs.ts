// The MACs of rows in a test's database: under the root key of test servers where one has claimed it, and otherwise under
// a key of the tests alone.
import { keyFromBytes } from '@keyhold/core'
import { existsSync } from 'node:fs'
import { readRootKeyFile } from '../../../server/src/kms/root-key-file.ts'
import { createRowMacs, type MacRing, type RowMacs } from '../../../server/src/store/authentic/row-macs.ts'
import type { RootKeyClaim } from '../../../server/src/store/installation.ts'
import type { Database } from '../../../server/src/store/database.ts'
import { warmRootKey } from './warm-start.ts'

/** For a database that no server has claimed. */
export const testRing: MacRing = {
  rootKeyId: '7e57'.repeat(4),
  rootKey: keyFromBytes(Buffer.alloc(32, 7)),
  installationId: '00000000-0000-4000-8000-000000000000',
  requiresMacs: true,
}

/** The claim of that key, without which there are no API keys of operators. */
export const testClaim: RootKeyClaim = {
  installationId: testRing.installationId,
  rootKeyId: testRing.rootKeyId,
  keyCheckValue: Buffer.alloc(32, 7),
}

/**
 * Opened MACs.
 *
 * @param requiresMacs - whether every row must have one, as is so once the rows are adopted
 * @param rootKeyFile - of the server that has claimed the database, if one has
 */
export async function openTestMacs(
  db?: Database,
  requiresMacs = true,
  rootKeyFile = warmRootKey(),
): Promise<RowMacs> {
  const macs = createRowMacs()
  macs.open({ ...((db && (await ringOf(db, rootKeyFile))) ?? testRing), requiresMacs })
  return macs
}

async function ringOf(db: Database, rootKeyFile: string): Promise<MacRing | undefined> {
  const row = await db
    .selectFrom('installation')
    .select(['id', 'root_key_id'])
    .executeTakeFirst()
    // A database without tables.
    .catch(() => undefined)
  if (row === undefined || !existsSync(rootKeyFile)) return undefined
  const rootKey = await readRootKeyFile(rootKeyFile)
  if (rootKey?.id !== row.root_key_id) return undefined
  return { rootKeyId: rootKey.id, rootKey: rootKey.key, installationId: row.id, requiresMacs: true }
}
