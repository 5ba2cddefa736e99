// Judges by the looks at the server's processes whether they stayed flat. A run with a cold start has two processes.
import { flatnessOf, type Flatness } from '../../../testkit/src/statistics/flatness.ts'
import type { MemoryReport } from './report-memory.ts'

export interface ProcessFigures {
  looks: number
  /** Undefined when there were too few looks after the warm-up. */
  rssMiB: Flatness | undefined
  heapUsedMiB: Flatness | undefined
  heapTotalMiB: Flatness | undefined
  externalMiB: Flatness | undefined
  openFiles: Flatness | undefined
  /** The highest p99 of ten seconds. */
  worstEventLoopDelayP99Ms: number
}

// The first two minutes, in which code is compiled and caches fill.
const warmUpLooks = 12

export function processFigures(reports: readonly MemoryReport[]): ProcessFigures[] {
  return [...Map.groupBy(reports, ({ pid }) => pid).values()].map((looks) => {
    const warm = looks.slice(warmUpLooks)
    return {
      looks: looks.length,
      rssMiB: flatnessOf(warm.map(({ rssMiB }) => rssMiB)),
      heapUsedMiB: flatnessOf(
        warm.map(({ heapUsedMiB }) => heapUsedMiB),
        'min',
      ),
      heapTotalMiB: flatnessOf(warm.map(({ heapTotalMiB }) => heapTotalMiB)),
      externalMiB: flatnessOf(
        warm.map(({ externalMiB }) => externalMiB),
        'min',
      ),
      openFiles: flatnessOf(warm.flatMap(({ openFiles }) => openFiles ?? [])),
      worstEventLoopDelayP99Ms: Math.max(...looks.map(({ eventLoopDelayP99Ms }) => eventLoopDelayP99Ms)),
    }
  })
}

/** Whether none of the measured values grows. */
export function isFlat({ worstEventLoopDelayP99Ms: _, looks: __, ...given }: ProcessFigures): boolean {
  return Object.values(given).every((flatness) => flatness?.isFlat !== false)
}
