// A second replica on the database of a test server, with its root key.
import { cp, mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { Server } from '../../server/src/main.ts'
import type { Timings } from '../../server/src/timings.ts'
import { startQuietServer } from './start-quiet-server.ts'
import { databaseUrl } from './test-database.ts'
import { keyholdAccount, type TestServer } from './start-test-server.ts'

export async function startSecondReplica(
  first: TestServer,
  environment: Record<string, string> = {},
  timings?: Partial<Timings>,
): Promise<Server> {
  const dataDir = path.join(first.dataDir, 'second')
  await mkdir(dataDir, { mode: 0o700, recursive: true })
  await cp(path.join(first.dataDir, 'root-key'), path.join(dataDir, 'root-key'))
  return startQuietServer(
    {
      KEYHOLD_DATA_DIR: dataDir,
      KEYHOLD_DATABASE_URL: databaseUrl(first.databaseConnection()),
      KEYHOLD_KMS_ENDPOINT: first.kms.url,
      KEYHOLD_KMS_ACCESS_KEY_ID: keyholdAccount,
      KEYHOLD_KMS_SECRET_ACCESS_KEY: 'test',
      ...environment,
    },
    timings,
  )
}
