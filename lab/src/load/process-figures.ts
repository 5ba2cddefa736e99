// From the looks at the server's processes, of which a run with a cold start has two, to whether they stayed flat.
import { flatnessOf, type Flatness } from './flatness.ts'
import type { MemoryReport } from './report-memory.ts'

export interface ProcessFigures {
  looks: number
  /** Undefined where there were too few looks after the warm-up to tell. */
  rssMiB: Flatness | undefined
  heapUsedMiB: Flatness | undefined
  heapTotalMiB: Flatness | undefined
  externalMiB: Flatness | undefined
  openFiles: Flatness | undefined
  /** The highest p99 of ten seconds. */
  worstEventLoopDelayP99Ms: number
}

// The first two minutes: code is compiled, caches fill.
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

/** Whether nothing grows that is there to be told. */
export function isFlat({ worstEventLoopDelayP99Ms: _, looks: __, ...given }: ProcessFigures): boolean {
  return Object.values(given).every((flatness) => flatness?.isFlat !== false)
}
