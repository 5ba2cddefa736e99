// Everything that experiments break: PostgreSQL behind a proxy, two replicas of Keyhold over it, and an AWS KMS on loopback.
import { startLocalKms, type LocalKms, type LocalKmsOptions } from '@keyhold/local-kms'
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { readRootKeyFile, type RootKey } from '../../../server/src/kms/root-key-file.ts'
import { startEmbeddedPostgres } from '../../../server/src/postgres/start-embedded-postgres.ts'
import { keyholdSettings } from '../process/keyhold-settings.ts'
import { startQuietServer } from '../server/start-quiet-server.ts'
import { pinnedConfig } from '../../../server/src/driver/pinned-client.ts'
import { createReplica, type Replica } from './create-replica.ts'
import { startPostgresProxy, type PostgresProxy } from './postgres-proxy.ts'
import { mountSmallDisk, type SmallDisk } from './small-disk.ts'

export const leadSeconds = 2
export const cacheTtlSeconds = 5

export interface Cluster {
  readonly kms: LocalKms
  readonly proxy: PostgresProxy
  readonly replicas: readonly Replica[]
  /** The disk that holds PostgreSQL's files; undefined where none can be mounted. */
  readonly disk: SmallDisk | undefined
  readonly operatorToken: string
  readonly rootKey: RootKey
  /** Runs one statement in PostgreSQL, past the proxy; tries again while PostgreSQL is away. */
  readonly sql: (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>
  /** Kills the postmaster; the supervisor starts it again. */
  killPostgres(): Promise<void>
  stop(): Promise<void>
}

const ipv4 = '127.0.0.1'
const sqlAttempts = 300
const sqlPauseMs = 100

export interface ClusterOptions {
  /** `KEYHOLD_…` variables besides the usual ones, or instead of them. */
  settings?: Record<string, string>
  onKmsAnswer?: NonNullable<LocalKmsOptions['onAnswer']>
}

export async function startCluster(
  onLine: (line: string) => void,
  { settings = {}, onKmsAnswer }: ClusterOptions = {},
): Promise<Cluster> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-faults-'))
  const kms = await startLocalKms(onKmsAnswer === undefined ? {} : { onAnswer: onKmsAnswer })
  const volume = path.join(folder, 'volume')
  const disk = await mountSmallDisk(volume)
  const dataDir = path.join(volume, 'database')
  const postgres = await startEmbeddedPostgres({
    dataDir,
    log: () => undefined,
  })
  const { user, password, database, host, port } = postgres.connection
  const proxy = await startPostgresProxy(path.join(host, `.s.PGSQL.${port}`))
  const databaseUrl = `postgres://${user}:${encodeURIComponent(password)}@${ipv4}:${proxy.port}/${database}`
  const environmentOf = (name: string) => ({
    ...keyholdSettings({ dataDir: path.join(folder, name), kmsUrl: kms.url }),
    KEYHOLD_LOG_LEVEL: 'error',
    KEYHOLD_DATABASE_URL: databaseUrl,
    KEYHOLD_KEY_CACHE_TTL_SECONDS: String(cacheTtlSeconds),
    KEYHOLD_KEY_JOB_LEAD_SECONDS: String(leadSeconds),
    KEYHOLD_MIGRATION_YIELDS: 'false',
    ...settings,
  })

  // The first start makes schema and root key, and the operator's API key.
  const server = await startQuietServer(environmentOf('a'))
  const operatorToken = await server.createOperatorKey('faults')
  await server.stop()
  await mkdir(path.join(folder, 'b'), { mode: 0o700 })
  await cp(path.join(folder, 'a', 'root-key'), path.join(folder, 'b', 'root-key'))
  const rootKey = await readRootKeyFile(path.join(folder, 'a', 'root-key'))
  if (rootKey === undefined) throw new Error('there is no root key')
  const replicas = ['a', 'b'].map((name) => createReplica(name, environmentOf(name), onLine))

  const pool = new pg.Pool({ ...pinnedConfig(postgres.connection), max: 4 })
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))

  return {
    kms,
    proxy,
    replicas,
    disk,
    operatorToken,
    rootKey,
    async sql(text, values) {
      for (let attempt = 1; ; attempt++) {
        try {
          return (await pool.query<Record<string, unknown>>(text, values)).rows
        } catch (error) {
          // A wrong statement stays wrong; a PostgreSQL that restarts comes back.
          const isWrong = error instanceof pg.DatabaseError && /^(22|23|42)/.test(error.code ?? '')
          if (isWrong || attempt === sqlAttempts) throw error
          await new Promise((resolve) => setTimeout(resolve, sqlPauseMs))
        }
      }
    },
    async killPostgres() {
      const file = path.join(dataDir, 'postgres', 'postmaster.pid')
      const pid = Number((await readFile(file, 'utf8').catch(() => '')).split('\n')[0])
      // Only this very server: the number may belong to another process by now.
      const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      if (commandLine.includes(dataDir)) process.kill(pid, 'SIGKILL')
    },
    async stop() {
      await Promise.all(replicas.map((replica) => replica.kill()))
      await pool.end()
      await proxy.close()
      await postgres.stop()
      await kms.close()
      await disk?.unmount()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
