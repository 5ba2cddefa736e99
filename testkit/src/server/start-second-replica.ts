// A second replica on the database of a test server, with its root key.
import { cp, mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { Server } from '../../../server/src/main.ts'
import type { ReplicaClocks } from '../../../server/src/store/database-clock.ts'
import type { Timings } from '../../../server/src/timings.ts'
import { keyholdSettings } from '../process/keyhold-settings.ts'
import { startQuietServer } from './start-quiet-server.ts'
import { smallKeyCache } from './small-key-cache.ts'
import type { TestServer } from './start-test-server.ts'
import { databaseUrl } from '../database/test-database.ts'

export async function startSecondReplica(
  first: TestServer,
  environment: Record<string, string> = {},
  timings?: Partial<Timings>,
  clocks?: Partial<ReplicaClocks>,
): Promise<Server> {
  const dataDir = path.join(first.dataDir, 'second')
  await mkdir(dataDir, { mode: 0o700, recursive: true })
  await cp(path.join(first.dataDir, 'root-key'), path.join(dataDir, 'root-key'))
  return startQuietServer(
    {
      ...keyholdSettings({ dataDir, kmsUrl: first.kms.url }),
      ...smallKeyCache,
      KEYHOLD_DATABASE_URL: databaseUrl(first.databaseConnection()),
      ...environment,
    },
    { timings, clocks },
  )
}
