// How busy the machine is: a figure of a run that shares its processors says less.
import os from 'node:os'

/** The load average of the last minute, with one decimal. */
export function loadAverage(): number {
  return Math.round((os.loadavg()[0] ?? 0) * 10) / 10
}
