// How long a server takes from its start to its readiness, and how much memory it has then.
import { readFile } from 'node:fs/promises'
import type { MeasureParts } from './measure-parts.ts'
import type { MeasuredRow } from './rows.ts'

const kibibytes = 1_024

export async function measureStart({ scene: { keyhold, startMs } }: MeasureParts): Promise<MeasuredRow[]> {
  return [
    { name: 'start to ready', worksOn: 'tenants', unit: 'ms', value: startMs },
    {
      ...{ name: 'memory of the server, ready', worksOn: 'tenants', unit: 'MiB' },
      value: await memoryMiB(keyhold.pid),
    },
  ]
}

/** Resident. */
export async function memoryMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / kibibytes
}
