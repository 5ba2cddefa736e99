// Loaded into a measured process before its own code: at its end it writes its peak of resident memory, in KiB, to
// file descriptor 3.
import { readFileSync, writeSync } from 'node:fs'

function peakKiB(): number {
  try {
    // Not the resource usage of the process, which begins with that of its parent.
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    if (peak !== undefined) return Number(peak)
  } catch {
    // No Linux.
  }
  return process.resourceUsage().maxRSS
}

process.once('exit', () => {
  writeSync(3, String(peakKiB()))
})
