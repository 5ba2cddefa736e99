// Makes destructions of a running server due, as if the days had passed.
import path from 'node:path'
import { openDatabaseClock } from '../../../server/src/store/database-clock.ts'
import { openDatabase } from '../../../server/src/store/database.ts'
import { createStore } from '../../../server/src/store/store.ts'
import { setDue } from '../database/set-due.ts'
import type { TestConnection } from '../database/test-database.ts'
import { openTestMacs } from '../database/test-macs.ts'

/** @param inMs - from now on; below 0: it is due since then */
export async function makeDue(
  server: { readonly dataDir: string; databaseConnection(): TestConnection },
  id: string,
  inMs = 0,
): Promise<void> {
  const options = { maxConnections: 1, applicationName: 'test', onError: () => undefined }
  const db = openDatabase(server.databaseConnection(), options)
  try {
    const macs = await openTestMacs(db, true, path.join(server.dataDir, 'root-key'))
    const store = createStore(db, await openDatabaseClock(db), { macs })
    await setDue(store, id, inMs)
  } finally {
    await db.destroy()
  }
}
