// A rolling restart: two replicas behind nginx are replaced in turn while callers go on, and no request may fail. With a commit,
// the first replicas are of that version, so that it is a rolling upgrade.
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { startLocalKms } from '@keyhold/local-kms'
import { startEmbeddedPostgres } from '../../../server/src/postgres/start-embedded-postgres.ts'
import { createRootKey } from '../../../server/src/wiring/commands/create-root-key.ts'
import { isProblem } from '../../../testkit/src/cluster/is-problem.ts'
import { createCustomerKey } from '../../../testkit/src/customer/create-customer-key.ts'
import { databaseUrl } from '../../../testkit/src/database/test-database.ts'
import { freePort } from '../../../testkit/src/network/free-port.ts'
import { hasNginx, startNginx } from '../../../testkit/src/network/nginx.ts'
import { keyholdSettings } from '../../../testkit/src/process/keyhold-settings.ts'
import {
  serveInProcess,
  serverCommand,
  type ServedProcess,
} from '../../../testkit/src/process/serve-in-process.ts'
import { checkOutVersion } from '../../../testkit/src/process/version-before.ts'
import { createTenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { migrateTo } from '../../../testkit/src/tenants/migrate-to.ts'
import { startTraffic } from './steady-traffic.ts'

export interface RollingRestartOptions {
  requests: number
  rounds: number
  drainSeconds: number
  /** A commit. */
  before: string | undefined
  say: (line: string) => void
}

export interface RollingRestartResult {
  requests: number
  failed: number
  failures: Record<string, number>
  wrong: number
  replaced: number
  /** Of one replica, from the signal to the end of its process. */
  longestStopMs: number
  problems: string[]
}

const lanes = 12
const betweenMs = 1_000

interface Replica {
  environment: Record<string, string>
  running: ServedProcess
}

export async function runRollingRestart(options: RollingRestartOptions): Promise<RollingRestartResult> {
  if (!hasNginx()) throw new Error('not run: nginx is not installed (apt-get install nginx-light)')
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-rolling-'))
  const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  try {
    return await restartInTurn(folder, options, undo)
  } finally {
    for (const step of undo.reverse()) await step()
  }
}

async function restartInTurn(
  folder: string,
  { requests, rounds, drainSeconds, before, say }: RollingRestartOptions,
  undo: (() => Promise<unknown>)[],
): Promise<RollingRestartResult> {
  const problems: string[] = []
  const old = before === undefined ? undefined : await checkOutVersion(before, path.join(folder, 'before'))
  if (before !== undefined && old === undefined)
    throw new Error(`not run: the history of this clone does not hold ${before}`)
  if (old !== undefined) undo.push(() => old.remove())
  const firstProgram = old?.program ?? serverCommand

  const kms = await startLocalKms()
  undo.push(() => kms.close())
  const postgres = await startEmbeddedPostgres({
    dataDir: path.join(folder, 'database'),
    log: () => undefined,
  })
  undo.push(() => postgres.stop())
  const environmentOf = async (name: string) => ({
    ...keyholdSettings({ dataDir: path.join(folder, name), kmsUrl: kms.url }),
    KEYHOLD_PORT: String(await freePort()),
    KEYHOLD_LOG_LEVEL: 'error',
    KEYHOLD_DATABASE_URL: databaseUrl(postgres.connection),
    KEYHOLD_DRAIN_SECONDS: String(drainSeconds),
  })
  const serve = (program: string, environment: Record<string, string>) =>
    serveInProcess({
      program,
      environment,
      onLine: (line) => {
        if (isProblem(line)) problems.push(line)
      },
    })

  const [first, second] = [await environmentOf('a'), await environmentOf('b')]
  // A version from before `root-key create` makes the root key at its first start.
  if (old === undefined) await createRootKey({ dataDir: path.join(folder, 'a'), rootKeyFile: undefined })
  const a: Replica = { environment: first, running: serve(firstProgram, first) }
  await a.running.listening
  await mkdir(path.join(folder, 'b'), { mode: 0o700 })
  await cp(path.join(folder, 'a/root-key'), path.join(folder, 'b/root-key'))
  const b: Replica = { environment: second, running: serve(firstProgram, second) }
  await b.running.listening
  const replicas = [a, b]
  undo.push(() =>
    Promise.all(
      replicas.map(({ running }) => {
        running.kill('SIGKILL')
        return running.ended
      }),
    ),
  )

  const { stdout } = await promisify(execFile)(process.execPath, [firstProgram, 'create-operator-key'], {
    env: { PATH: process.env.PATH, ...first },
  })
  const nginx = await startNginx({
    folder,
    ports: replicas.map((each) => Number(each.environment.KEYHOLD_PORT)),
  })
  undo.push(() => nginx.stop())
  const tenant = await createTenant(nginx.url, stdout.trim())
  const keyArn = await createCustomerKey(kms.url)
  await migrateTo(nginx.url, tenant, keyArn)

  const traffic = startTraffic(nginx.url, tenant, lanes)
  let [replaced, longestStopMs] = [0, 0]
  for (let round = 0; round < rounds; round++) {
    for (const replica of replicas) {
      await sleep(betweenMs)
      const startMs = performance.now()
      replica.running.kill('SIGTERM')
      const ended = await replica.running.ended
      longestStopMs = Math.max(longestStopMs, performance.now() - startMs)
      if (ended !== 0) problems.push(`a replica ended with ${String(ended)}`)
      replica.running = serve(serverCommand, replica.environment)
      await replica.running.listening
      replaced += 1
      say(`${replaced} replaced, ${traffic.sent} requests, ${JSON.stringify(traffic.failures)}`)
    }
  }
  while (traffic.sent < requests) await sleep(100)
  await traffic.end()
  const failed = Object.values(traffic.failures).reduce((sum, count) => sum + count, 0)
  if (failed > 0) problems.push(...nginx.errors.slice(0, 20))
  return {
    ...{ requests: traffic.sent, failed, failures: { ...traffic.failures }, wrong: traffic.wrong },
    ...{ replaced, longestStopMs: Math.round(longestStopMs), problems },
  }
}
