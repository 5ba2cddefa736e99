// How far a key job is, in percent of the way there or, once cancelled, of the way back.
import type { KeyJobRow } from '../../store/key-jobs/key-jobs.ts'

// Copying is nearly all of the work; the rest of the percent is for what follows it.
const copyPercent = 90
const verifyPercent = 95
const cutoverPercent = 99

export function keyJobProgress({ phase, copied, verified, total }: KeyJobRow): number {
  switch (phase) {
    case 'prepare':
    case 'dual':
      return 0
    // How much there is to bring back nobody has counted: at most as much as there was.
    case 'copy':
    case 'aborting':
      return percentOf(copied, total, 0, copyPercent)
    case 'verify':
      return percentOf(verified, total, verifyPercent, cutoverPercent)
    case 'cutover':
      return cutoverPercent
    case 'done':
    case 'aborted':
      return 100
  }
}

function percentOf(part: number, total: number, from: number, to: number): number {
  return total === 0 ? from : Math.min(to, from + Math.floor((part / total) * (to - from)))
}
