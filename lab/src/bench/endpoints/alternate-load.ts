// Sends load to two servers by turns, from one process for both.
import type { Comparison } from '../measurement.ts'
import { median } from '../../../../testkit/src/statistics/median.ts'
import type { Sizes } from '../sizes.ts'
import type { HelperProcess } from './helper-process.ts'
import { runSlice, type Slice } from './interleave-load.ts'
import type { LoadOrder } from './load.ts'

export interface Server {
  pid: number
  /** The requests to send; their time is decided here. */
  order: Omit<LoadOrder, 'durationMs'>
}

export interface LoadComparison {
  name: string
  ours: Server
  theirs: Server
  itemsPerRequest: number
  goal?: number
}

/** Items a second, and what an item costs the server in processor time. */
export async function alternateLoad(
  { name, ours, theirs, itemsPerRequest, goal }: LoadComparison,
  load: HelperProcess,
  { loadSliceMs, loadRounds, warmUpMs }: Sizes,
): Promise<Comparison[]> {
  async function run({ pid, order }: Server, durationMs: number): Promise<Slice> {
    const { requestsPerSecond, cpuMicroseconds } = await runSlice(load, { pid, order }, durationMs)
    return {
      requestsPerSecond,
      cpuMicroseconds: cpuMicroseconds === undefined ? undefined : cpuMicroseconds / itemsPerRequest,
    }
  }

  await run(ours, warmUpMs)
  await run(theirs, warmUpMs)
  const turns: { ours: Slice; theirs: Slice }[] = []
  for (let round = 0; round < loadRounds; round++) {
    if (round % 2 === 0) {
      const first = await run(ours, loadSliceMs)
      turns.push({ ours: first, theirs: await run(theirs, loadSliceMs) })
    } else {
      const first = await run(theirs, loadSliceMs)
      turns.push({ ours: await run(ours, loadSliceMs), theirs: first })
    }
  }
  const rates = turns.map((turn) => [turn.ours.requestsPerSecond, turn.theirs.requestsPerSecond] as const)
  const throughput = {
    name,
    ours: median(rates.map(([our]) => our)) * itemsPerRequest,
    theirs: median(rates.map(([, their]) => their)) * itemsPerRequest,
    unit: 'items/s',
    ratio: median(rates.map(([our, their]) => our / their)),
    ...(goal !== undefined && { goal }),
  }
  const costs = turns.flatMap((turn) =>
    turn.ours.cpuMicroseconds === undefined || turn.theirs.cpuMicroseconds === undefined
      ? []
      : [[turn.ours.cpuMicroseconds, turn.theirs.cpuMicroseconds] as const],
  )
  if (costs.length === 0) return [throughput]
  const cpu = {
    name: `${name}, processor time`,
    ours: median(costs.map(([our]) => our)),
    theirs: median(costs.map(([, their]) => their)),
    unit: 'µs/item',
    ratio: median(costs.map(([our, their]) => their / our)),
  }
  return [throughput, cpu]
}
