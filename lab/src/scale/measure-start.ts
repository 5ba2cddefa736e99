// How long a server takes from its start to its readiness, and how much memory it has then.
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { tookMs, type MeasureParts } from './measure-parts.ts'
import type { MeasuredRow } from './rows.ts'

const kibibytes = 1_024

export async function measureStart({ scene: { keyhold } }: MeasureParts): Promise<MeasuredRow[]> {
  let startMs = Number.POSITIVE_INFINITY
  for (let run = 0; run < 2; run++) {
    // PostgreSQL starts and stops with the server, and its time counts.
    let stoppedMs = 0
    const bothMs = await tookMs(async () => {
      await keyhold.whileStopped(async () => {
        stoppedMs = performance.now()
        await Promise.resolve()
      })
      await waitForReady(keyhold.url)
    })
    startMs = Math.min(startMs, performance.now() - stoppedMs, bothMs)
  }
  return [
    { name: 'start to ready', worksOn: 'tenants', unit: 'ms', value: startMs },
    {
      name: 'memory of the server, ready',
      worksOn: 'tenants',
      unit: 'MiB',
      value: await memoryMiB(keyhold.pid),
    },
  ]
}

/** Resident. */
export async function memoryMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / kibibytes
}

export async function waitForReady(url: string): Promise<void> {
  for (;;) {
    const reply = await fetch(`${url}/readyz`).catch(() => undefined)
    if (reply?.ok === true) return
    await sleep(20)
  }
}
