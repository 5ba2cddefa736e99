// A crash in the middle of the load: kill -9, and a new process on the same data directory, which holds no keys.
import { setTimeout as pause } from 'node:timers/promises'
import type { KeyholdProcess } from '../../../testkit/src/process/keyhold-process.ts'
import type { Tally } from './tally.ts'

export interface ColdStartFigures {
  /** From the kill until `/readyz` answers 200. */
  downMs: number
  /** KMS calls for tenant keys in the first seconds after that, while every tenant is in use. */
  kmsCalls: number
  /** How many keys these calls were for. */
  keys: number
  mostCallsOfOneKey: number
}

const readyPauseMs = 20
const watchMs = 10_000

export async function coldStart(keyhold: KeyholdProcess, tally: Tally): Promise<ColdStartFigures> {
  const before = callsByKey(keyhold)
  const outage = { startMs: performance.now(), endMs: Number.POSITIVE_INFINITY }
  tally.outages.push(outage)
  await keyhold.restart('SIGKILL')
  while (!(await isReady(keyhold.url))) await pause(readyPauseMs)
  outage.endMs = performance.now()
  await pause(watchMs)
  const calls = [...callsByKey(keyhold)].map(([key, count]) => count - (before.get(key) ?? 0))
  const used = calls.filter((count) => count > 0)
  return {
    downMs: outage.endMs - outage.startMs,
    kmsCalls: used.reduce((sum, count) => sum + count, 0),
    keys: used.length,
    mostCallsOfOneKey: Math.max(0, ...used),
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok
  } catch {
    return false
  }
}

function callsByKey({ kms }: KeyholdProcess): Map<string, number> {
  const calls = new Map<string, number>()
  for (const { keys, count } of kms.callCounts({ operation: 'Decrypt' })) {
    for (const key of keys) calls.set(key, (calls.get(key) ?? 0) + count)
  }
  return calls
}
