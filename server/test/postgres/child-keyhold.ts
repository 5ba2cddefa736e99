// Starts and kills Keyholds in processes of their own, and finds the processes that they leave.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { PostgresConnection } from '../../src/postgres/ensure-database.ts'

/** The child's first message. */
interface ChildAnswer {
  ready?: PostgresConnection
  refused?: { message: string; code?: string; details?: Record<string, string> }
}

/** A Keyhold in its own process. */
export interface ChildKeyhold {
  readonly child: ChildProcess
  readonly pid: number
  readonly answer: Promise<ChildAnswer>
}

/** Starts `start-in-child.ts`, as another user where `uid` is given. */
export function spawnKeyhold(options: object, uid?: number): ChildKeyhold {
  const child = spawn(
    process.execPath,
    [fileURLToPath(import.meta.resolve('./start-in-child.ts')), JSON.stringify(options)],
    { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/', ...(uid === undefined ? {} : { uid, gid: uid }) },
  )
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const answer = new Promise<ChildAnswer>((resolve, reject) => {
    createInterface(child.stdout).once('line', (line) => {
      resolve(JSON.parse(line) as ChildAnswer)
    })
    child.once('close', () => {
      reject(new Error(`the child ended without an answer: ${errors}`))
    })
  })
  // A child that is killed before it answers is no failure of the test that killed it.
  answer.catch(() => undefined)
  if (child.pid === undefined) throw new Error('the child has no pid')
  return { child, pid: child.pid, answer }
}

/** The child's connection; fails with its words when it was refused. */
export async function readyConnection(keyhold: ChildKeyhold): Promise<PostgresConnection> {
  const { ready, refused } = await keyhold.answer
  if (ready === undefined) throw new Error(refused?.message)
  return ready
}

/** Sends a signal and waits until the process has ended. */
export async function endChild({ child }: ChildKeyhold, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

/** The watchdog that a Keyhold keeps for its server. */
export async function findWatchdog(keyholdPid: number): Promise<number> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    if (command.includes('keyhold-watchdog') && status.includes(`PPid:\t${keyholdPid}\n`)) return Number(pid)
  }
  throw new Error(`process ${keyholdPid} has no watchdog`)
}

/** The postmaster's pid as the cluster tells it. */
export async function postmasterPid(dataDir: string): Promise<number> {
  return Number.parseInt(await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8'), 10)
}

/** Whether the process lives; one that only waits to be reaped does not. */
export async function isAlive(pid: number): Promise<boolean> {
  return (await readlink(`/proc/${pid}/exe`).catch(() => undefined)) !== undefined
}

/** Waits until the claim holds. */
export async function eventually(claim: () => Promise<boolean>, withinMs = 10_000): Promise<void> {
  const deadline = Date.now() + withinMs
  while (!(await claim())) {
    if (Date.now() > deadline) throw new Error(`did not hold within ${withinMs} ms: ${claim.toString()}`)
    await sleep(10)
  }
}
