// Loaded into a measured process before its own code. At the end of the process it writes the peak of its resident
// memory, in KiB, to file descriptor 3.
import { readFileSync, writeSync } from 'node:fs'

function peakKiB(): number {
  try {
    // Not the resource usage of the process, which begins with that of its parent.
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    if (peak !== undefined) return Number(peak)
  } catch {
    // Not on Linux.
  }
  return process.resourceUsage().maxRSS
}

process.once('exit', () => {
  writeSync(3, String(peakKiB()))
})
