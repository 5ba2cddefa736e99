// Looks at a process's resident memory again and again, as the kernel counts it (Linux alone).
import { readFileSync } from 'node:fs'

export interface MemoryWatch {
  /** The highest since the last time, in MiB. */
  takePeakMib(): number
  stop(): void
}

const everyMs = 100

export function residentMib(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  if (kib === undefined) throw new Error(`the process ${pid} has no resident memory`)
  return Number(kib) / 1_024
}

export function watchMemory(pid: number): MemoryWatch {
  let peakMib = 0
  const timer = setInterval(() => {
    peakMib = Math.max(peakMib, residentMib(pid))
  }, everyMs)
  return {
    takePeakMib() {
      const taken = Math.max(peakMib, residentMib(pid))
      peakMib = 0
      return taken
    },
    stop() {
      clearInterval(timer)
    },
  }
}
