// Runs two sides by turns in short slices, so that both suffer equally from everything else on the machine.
import type { Comparison } from './measurement.ts'
import { median } from '../../../testkit/src/statistics/median.ts'
import type { Sizes } from './sizes.ts'

/** One operation; its result is dropped, a promise is awaited first. */
export type Work = () => unknown

export interface Alternation {
  name: string
  ours: Work
  theirs: Work
  goal?: number
}

/** Operations a second of both sides: medians of the slices; the ratio is the median of the rounds' ratios. */
export async function alternate(
  { name, ours, theirs, goal }: Alternation,
  { sliceMs, rounds }: Pick<Sizes, 'sliceMs' | 'rounds'>,
): Promise<Comparison> {
  await runSlice(ours, sliceMs)
  await runSlice(theirs, sliceMs)
  const turns: { ours: number; theirs: number }[] = []
  for (let round = 0; round < rounds; round++) {
    // The second side finds other caches and another heap; so the sides also take turns in being second.
    if (round % 2 === 0) {
      const first = await runSlice(ours, sliceMs)
      turns.push({ ours: first, theirs: await runSlice(theirs, sliceMs) })
    } else {
      const first = await runSlice(theirs, sliceMs)
      turns.push({ ours: await runSlice(ours, sliceMs), theirs: first })
    }
  }
  return {
    name,
    ours: median(turns.map((turn) => turn.ours)),
    theirs: median(turns.map((turn) => turn.theirs)),
    unit: 'operations/s',
    ratio: median(turns.map((turn) => turn.ours / turn.theirs)),
    ...(goal !== undefined && { goal }),
  }
}

// As in a server, several values are under way at a time. For libraries that hand their work to other threads this is
// faster than one value after the other.
const inFlight = 8

async function runSlice(work: Work, sliceMs: number): Promise<number> {
  const startMs = performance.now()
  let operations = 0
  while (performance.now() - startMs < sliceMs) {
    const first = work()
    if (first instanceof Promise) {
      await Promise.all([first, ...Array.from({ length: inFlight - 1 }, () => work())])
    } else {
      for (let more = 1; more < inFlight; more++) work()
    }
    operations += inFlight
  }
  return (operations * 1_000) / (performance.now() - startMs)
}
