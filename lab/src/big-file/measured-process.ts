// Runs a program as a process of its own, and measures how long it takes and how much memory it needs at most.
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'

const reportPeak = pathToFileURL(path.join(import.meta.dirname, 'report-peak.ts')).href

export interface MeasuredProcess {
  seconds: number
  /** The highest resident memory at any time. */
  peakMiB: number
}

export interface ProcessOrder {
  /** The program and its arguments, for Node. */
  command: string[]
  environment: Record<string, string>
  /** Files. Without them the program has nothing to read, and must write nothing. */
  stdin?: string | undefined
  stdout?: string | undefined
}

/** @throws Error when the program ends with anything but 0, or says anything on standard error */
export async function runMeasured({
  command,
  environment,
  stdin,
  stdout,
}: ProcessOrder): Promise<MeasuredProcess> {
  const input = stdin === undefined ? 'ignore' : openSync(stdin, 'r')
  const output = stdout === undefined ? 'ignore' : openSync(stdout, 'wx')
  const startMs = performance.now()
  const child = spawn(process.execPath, ['--import', reportPeak, ...command], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: [input, output, 'pipe', 'pipe'],
  })
  for (const file of [input, output]) if (typeof file === 'number') closeSync(file)
  const [, , errors, peak] = child.stdio
  if (!(errors instanceof Readable) || !(peak instanceof Readable))
    throw new Error('the process has no pipes')
  const [exit, complaint, peakKiB] = await Promise.all([
    new Promise((resolve) => child.once('close', resolve)),
    text(errors),
    text(peak),
  ])
  if (exit !== 0 || complaint !== '')
    throw new Error(`${command.join(' ')} ended with ${String(exit)}: ${complaint}`)
  return { seconds: (performance.now() - startMs) / 1_000, peakMiB: Number(peakKiB) / 1_024 }
}
