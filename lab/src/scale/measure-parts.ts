// The parts of every measurement, and how it takes times.
import type { FenceReport } from './fence-reports.ts'
import type { Scene } from './open-scene.ts'

export interface MeasureParts {
  scene: Scene
  /** Filled by the server's process. */
  reports: FenceReport[]
  metricsPort: number
  /** Receives what is not as it must be. */
  problems: string[]
  say: (line: string) => void
}

/** The shortest of some runs: the others waited for something else. */
export async function shortestMs(runs: number, work: () => Promise<unknown>): Promise<number> {
  let shortest = Number.POSITIVE_INFINITY
  for (let run = 0; run < runs; run++) shortest = Math.min(shortest, await tookMs(work))
  return shortest
}

export async function tookMs(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  await work()
  return performance.now() - startMs
}
