// Sends load to several sides by turns, from one process for all, so that all suffer alike from what else the machine does. Each is
// compared with the first one, in the same rounds.
import type { Comparison } from '../measurement.ts'
import { median } from '../../../../testkit/src/statistics/median.ts'
import type { Sizes } from '../sizes.ts'
import { cpuTimeMs } from './cpu-time.ts'
import type { HelperProcess } from './helper-process.ts'
import type { LoadOrder, LoadOutcome } from './load.ts'

export interface Side {
  /** Stands in the results. */
  name: string
  pid: number
  /** The requests to send; their time is decided here. */
  order: Omit<LoadOrder, 'durationMs'>
}

export interface Slice {
  requestsPerSecond: number
  /** The cost of a request to the server. Undefined: the system does not say. */
  cpuMicroseconds: number | undefined
}

/** One slice of load for one side. */
export async function runSlice(
  load: HelperProcess,
  { pid, order }: Pick<Side, 'pid' | 'order'>,
  durationMs: number,
): Promise<Slice> {
  const before = await cpuTimeMs(pid)
  const answer = load.receive()
  load.send({ ...order, durationMs })
  const { requests, elapsedMs, failure } = (await answer) as LoadOutcome
  if (failure !== undefined) throw new Error(failure)
  const after = await cpuTimeMs(pid)
  return {
    requestsPerSecond: (requests * 1_000) / elapsedMs,
    cpuMicroseconds:
      before === undefined || after === undefined ? undefined : ((after - before) * 1_000) / requests,
  }
}

/** Requests a second, and processor time of the server for a request, of each side but the first beside the first. */
export async function interleaveLoad(
  what: string,
  sides: readonly [Side, ...Side[]],
  load: HelperProcess,
  { loadSliceMs, loadRounds, warmUpMs }: Pick<Sizes, 'loadSliceMs' | 'loadRounds' | 'warmUpMs'>,
): Promise<Comparison[]> {
  for (const side of sides) await runSlice(load, side, warmUpMs)
  const rounds: ReadonlyMap<Side, Slice>[] = []
  for (let round = 0; round < loadRounds; round++) {
    const slices = new Map<Side, Slice>()
    // Each begins a round in its turn.
    const first = round % sides.length
    for (const side of [...sides.slice(first), ...sides.slice(0, first)])
      slices.set(side, await runSlice(load, side, loadSliceMs))
    rounds.push(slices)
  }
  const [base, ...others] = sides
  return others.flatMap((side) => {
    const pairs = rounds.flatMap((slices) => {
      const [ours, theirs] = [slices.get(side), slices.get(base)]
      return ours === undefined || theirs === undefined ? [] : [{ ours, theirs }]
    })
    const name = `${what}, ${side.name} | ${base.name}`
    const rates = pairs.map(({ ours, theirs }) => [ours.requestsPerSecond, theirs.requestsPerSecond] as const)
    const rate = comparison(name, 'requests/s', rates, (ours, theirs) => ours / theirs)
    const costs = pairs.flatMap(({ ours, theirs }) =>
      ours.cpuMicroseconds === undefined || theirs.cpuMicroseconds === undefined
        ? []
        : [[ours.cpuMicroseconds, theirs.cpuMicroseconds] as const],
    )
    if (costs.length === 0) return [rate]
    return [rate, comparison(`${name}, processor time`, 'µs/request', costs, (ours, theirs) => theirs / ours)]
  })
}

function comparison(
  name: string,
  unit: string,
  pairs: readonly (readonly [ours: number, theirs: number])[],
  ratioOf: (ours: number, theirs: number) => number,
): Comparison {
  return {
    ...{ name, unit },
    ours: median(pairs.map(([ours]) => ours)),
    theirs: median(pairs.map(([, theirs]) => theirs)),
    ratio: median(pairs.map(([ours, theirs]) => ratioOf(ours, theirs))),
  }
}
