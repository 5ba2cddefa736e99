// Runs two sides by turns with a whole file each, so that both suffer equally from everything else on the machine.
import { rm } from 'node:fs/promises'
import type { Comparison } from '../measurement.ts'
import { median } from '../../../../testkit/src/statistics/median.ts'
import type { TransformFile } from './file-peer.ts'

interface Side {
  transform: TransformFile
  source: string
  target: string
}

export interface FileAlternation {
  name: string
  ours: Side
  theirs: Side
  /** Size of the plaintext. */
  mebibytes: number
  rounds: number
  goal?: number
}

/** Speeds of both sides: medians of the rounds; the ratio is the median of the rounds' ratios. */
export async function alternateFiles({
  name,
  ours,
  theirs,
  mebibytes,
  rounds,
  goal,
}: FileAlternation): Promise<Comparison> {
  await timed(ours)
  await timed(theirs)
  const turns: { ourMs: number; theirMs: number }[] = []
  for (let round = 0; round < rounds; round++) {
    // The first side leaves work to the disk; so the sides also take turns in being second.
    if (round % 2 === 0) {
      const ourMs = await timed(ours)
      turns.push({ ourMs, theirMs: await timed(theirs) })
    } else {
      const theirMs = await timed(theirs)
      turns.push({ ourMs: await timed(ours), theirMs })
    }
  }
  return {
    name,
    ours: (mebibytes * 1_000) / median(turns.map(({ ourMs }) => ourMs)),
    theirs: (mebibytes * 1_000) / median(turns.map(({ theirMs }) => theirMs)),
    unit: 'MiB/s',
    ratio: median(turns.map(({ ourMs, theirMs }) => theirMs / ourMs)),
    ...(goal !== undefined && { goal }),
  }
}

/** Milliseconds that one file takes, with no target there before. */
async function timed({ transform, source, target }: Side): Promise<number> {
  await rm(target, { force: true })
  const startMs = performance.now()
  await transform(source, target)
  return performance.now() - startMs
}
