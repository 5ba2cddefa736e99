// Loaded into the server's process before its own code. Every ten seconds it reports what only the process itself knows.
import { readdirSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** One look at the server's process. */
export interface MemoryReport {
  pid: number
  rssMiB: number
  heapUsedMiB: number
  /** The size of the heap, used or not. */
  heapTotalMiB: number
  /** Buffers and the like, outside the heap. */
  externalMiB: number
  /** In the ten seconds of this look. */
  eventLoopDelayP99Ms: number
  /** Files, sockets and pipes; undefined where the system does not say. */
  openFiles: number | undefined
}

const everyMs = 10_000
const mebibyte = 1_048_576

const delay = monitorEventLoopDelay({ resolution: 10 })
delay.enable()

function openFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}

setInterval(() => {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
  const report: MemoryReport = {
    pid: process.pid,
    rssMiB: rss / mebibyte,
    heapUsedMiB: heapUsed / mebibyte,
    heapTotalMiB: heapTotal / mebibyte,
    externalMiB: external / mebibyte,
    eventLoopDelayP99Ms: delay.percentile(99) / 1e6,
    openFiles: openFiles(),
  }
  delay.reset()
  process.send?.(report)
}, everyMs).unref()
// The channel alone must not keep the server alive.
process.channel?.unref()
