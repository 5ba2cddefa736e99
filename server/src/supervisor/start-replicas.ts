// `keyhold-server serve` with several replicas: starts them one machine's worth, keeps them, and stops them together. The supervisor serves
// no request. It has what replicas of a machine have once: the embedded PostgreSQL, and the listeners for metrics and probes.
import type { Logger } from 'pino'
import type { Server } from '../main.ts'
import { makeFolder } from '../settings/make-folder.ts'
import type { Settings } from '../settings/read-settings.ts'
import type { Environment } from '../settings/setting.ts'
import { closeAll, type Closers } from '../wiring/close-all.ts'
import { runEmbedded } from '../wiring/connect-database.ts'
import { openListenerTls } from '../wiring/listeners/open-listener-tls.ts'
import { openMetrics } from '../wiring/listeners/open-metrics.ts'
import { openProbes } from '../wiring/listeners/open-probes.ts'
import { forkReplica, type ReplicaProcess } from './fork-replica.ts'
import { heapArguments } from './heap-of-replicas.ts'
import { keepReplica, usualTimings, type KeptReplica } from './keep-replica.ts'
import type { StartedReplica } from './replica-messages.ts'
import { createSharedMetrics, probeReplicas } from './show-replicas.ts'
import { refuseUsedPort } from './shared-port.ts'

export type SupervisedReplicas = Pick<
  Server,
  'url' | 'boundUrl' | 'metricsUrl' | 'healthUrl' | 'uses' | 'drainMs' | 'drain' | 'stop'
>

const contentType = 'text/plain; version=0.0.4; charset=utf-8'
// A replica ends by itself within nine seconds.
const stopMs = 8_500

interface StartOptions {
  /** At least 2. */
  count: number
  environment: Environment
  logger: Logger
}

/**
 * Answers once all of them serve, or have tried to. The first one starts alone: it brings the schema up to date, and what keeps it from
 * starting keeps all.
 *
 * @throws KeyholdError with one of the codes of starting; undefined with `exitCode`: the first replica has said why it does not start
 */
export async function startReplicas(
  settings: Settings,
  { count, environment, logger }: StartOptions,
): Promise<SupervisedReplicas | { exitCode: number }> {
  await makeFolder(settings.dataDir, 'KEYHOLD_DATA_DIR')
  await refuseUsedPort(settings.host, settings.port)
  const closers: Closers = []
  const kept: KeptReplica[] = []
  let stopped: Promise<void> | undefined
  const endAll = () => {
    for (const each of kept) each.kill()
  }
  // However this process ends, it leaves no replica behind.
  process.once('exit', endAll)
  closers.push(() => {
    process.off('exit', endAll)
    return Promise.resolve()
  })
  try {
    const tls =
      settings.metricsPort === undefined ? undefined : await openListenerTls(settings, logger, closers)
    const database =
      settings.databaseUrl === undefined ? await runEmbedded(settings, logger, count) : undefined
    if (database !== undefined) closers.push(() => database.stop(false))
    const nodeArguments = heapArguments(count, environment)
    let { port } = settings
    const start = (number: number) => () =>
      forkReplica({
        part: { number, of: count, database: database?.connection },
        ...{ port, environment, nodeArguments },
      })
    const keep = (number: number, replica: ReplicaProcess) =>
      kept.push(keepReplica({ number, start: start(number), logger, timings: usualTimings }, replica))

    const first = start(1)()
    const started = await first.started
    if (started === undefined) {
      const { code } = await first.ended
      await closeAll(closers, logger)
      return { exitCode: code ?? 1 }
    }
    keep(1, first)
    // The system has chosen one that was free: it is that of all now.
    port = portOf(started)
    const page = { contentType: () => Promise.resolve(contentType), text: createSharedMetrics(() => kept) }
    const metrics = await openMetrics(settings, logger, { page, tls }, closers)
    const probes = await openProbes(settings, logger, { probe: (path) => probeReplicas(kept, path) }, closers)
    const others = Array.from({ length: count - 1 }, (_, index) => start(index + 2)())
    for (const [index, replica] of others.entries()) keep(index + 2, replica)
    await Promise.all(others.map(({ started }) => started))
    logger.info({ replicas: count, pids: kept.map((each) => each.serving()?.pid) }, 'replicas')
    const { url, boundUrl, uses } = started
    const listeners = [
      ...(metrics === undefined ? [] : [`Metrics are on ${metrics.boundUrl}.`]),
      ...(probes === undefined ? [] : [`Probes are also on ${probes.boundUrl}.`]),
    ]
    return {
      ...{ url, boundUrl, metricsUrl: metrics?.url, healthUrl: probes?.url },
      uses: [`${uses} ${count} replicas share the port.`, ...listeners].join(' '),
      drainMs: settings.drainSeconds * 1_000,
      drain() {
        for (const each of kept) each.drain()
      },
      stop: () => (stopped ??= stopAll(kept, closers, logger)),
    }
  } catch (error) {
    await stopAll(kept, closers, logger).catch(() => undefined)
    throw error
  }
}

/** @throws Error where one of them did not end as it should */
async function stopAll(kept: readonly KeptReplica[], closers: Closers, logger: Logger): Promise<void> {
  const timer = setTimeout(() => {
    for (const each of kept) each.kill()
  }, stopMs)
  const ends = await Promise.all(kept.map((each) => each.stop()))
  clearTimeout(timer)
  await closeAll(closers, logger)
  if (!ends.every(Boolean)) throw new Error('a replica did not end as it should')
}

function portOf({ boundUrl }: StartedReplica): number {
  const { port, protocol } = new URL(boundUrl)
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
}
