// The progress of a key job in percent. After a cancellation it is the percent of the way back.
import type { KeyJobRow } from '../../store/key-jobs/key-jobs.ts'

// Copying is nearly all of the work. The phases after it share the last percent.
const copyPercent = 90
const verifyPercent = 95
const cutoverPercent = 99

export function keyJobProgress({ phase, copied, failed, verified, total }: KeyJobRow): number {
  switch (phase) {
    case 'prepare':
    case 'dual':
      return 0
    // Nobody has counted how many cipherkeys there are to bring back. There are at most `total`.
    case 'copy':
    case 'aborting':
      return percentOf(copied + failed, total, 0, copyPercent)
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
