// Keeps one replica: starts another process in the place of one that has ended, sooner the longer that one had served; and ends one that
// answers nothing any more.
import type { Logger } from 'pino'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ReplicaProcess } from './fork-replica.ts'

export interface KeepOptions {
  /** Counts from 1. */
  number: number
  start: () => ReplicaProcess
  logger: Pick<Logger, 'error' | 'info'>
  timings: KeepTimings
}

export interface KeepTimings {
  /** The first pause before another process is started, and the longest: it doubles. */
  pauseMs: number
  maxPauseMs: number
  /** Who has served for so long has started well: the next pause is the first one again. */
  steadyMs: number
  /** Between two looks whether it answers. */
  lookMs: number
  /** Who answers nothing for so long is ended. */
  silentMs: number
}

export interface KeptReplica {
  readonly number: number
  /** The process that serves now. Undefined: none does. */
  serving(): ReplicaProcess | undefined
  /** How often another process took the place of one that had ended. */
  restarts(): number
  /** Asks it for no more requests, and starts no other in its place. */
  drain(): void
  /** Answers when it has ended: whether it ended as it should. */
  stop(): Promise<boolean>
  kill(): void
}

export const usualTimings: KeepTimings = {
  pauseMs: 100,
  maxPauseMs: 30_000,
  steadyMs: 60_000,
  lookMs: 5_000,
  silentMs: 30_000,
}

/** @param first - the process that it begins with */
export function keepReplica(
  { number, start, logger, timings }: KeepOptions,
  first: ReplicaProcess,
): KeptReplica {
  const stopping = new AbortController()
  let current: ReplicaProcess | undefined = first
  let isServing = false
  let restarts = 0
  let pauseMs = timings.pauseMs
  const kept = keep()

  /** Answers whether the last process ended as it should. */
  async function keep(): Promise<boolean> {
    for (;;) {
      const replica = current ?? (await startAgain())
      if (replica === undefined) return true
      const servedFromMs = await beginsToServe(replica)
      const watch = servedFromMs === undefined ? undefined : setInterval(look(replica), timings.lookMs)
      const { code, signal } = await replica.ended
      clearInterval(watch)
      current = undefined
      isServing = false
      if (stopping.signal.aborted) return code === 0
      if (servedFromMs !== undefined && performance.now() - servedFromMs >= timings.steadyMs)
        ({ pauseMs } = timings)
      logger.error(
        { number, pid: replica.pid, code, signal, pauseMs },
        'a replica has ended: another one takes its place',
      )
    }
  }

  /** Undefined: it is to stop. */
  async function startAgain(): Promise<ReplicaProcess | undefined> {
    for (;;) {
      const isToStop = await sleep(pauseMs, false, { signal: stopping.signal }).catch(() => true)
      if (isToStop) return undefined
      pauseMs = Math.min(2 * pauseMs, timings.maxPauseMs)
      try {
        current = start()
        restarts += 1
        return current
      } catch (error) {
        // The others go on meanwhile: a system without memory may have some later.
        logger.error({ err: error, number, pauseMs }, 'the system starts no process for a replica')
      }
    }
  }

  /** Answers since when, on the clock of this process; undefined: it never did. */
  async function beginsToServe(replica: ReplicaProcess): Promise<number | undefined> {
    if ((await replica.started) === undefined) return undefined
    isServing = true
    if (restarts > 0) logger.info({ number, pid: replica.pid }, 'the replica serves again')
    return performance.now()
  }

  function look(replica: ReplicaProcess): () => void {
    let heardMs = performance.now()
    let isAsking = false
    return () => {
      if (isAsking) return
      isAsking = true
      void replica.ask('/livez', timings.silentMs).then((said) => {
        isAsking = false
        if (said !== undefined) {
          heardMs = performance.now()
          return
        }
        if (stopping.signal.aborted || performance.now() - heardMs < timings.silentMs) return
        logger.error({ number, pid: replica.pid }, 'a replica answers nothing: it is killed')
        replica.kill()
      })
    }
  }

  return {
    number,
    serving: () => (isServing ? current : undefined),
    restarts: () => restarts,
    drain() {
      stopping.abort()
      current?.drain()
    },
    stop() {
      stopping.abort()
      current?.stop()
      return kept
    },
    kill() {
      current?.kill()
    },
  }
}
