// Ends what a killed Keyhold left of its PostgreSQL, so that the next start just works. Call it only under
// the data directory's lock: then whatever still serves the cluster has lost its Keyhold.

import { readFile, readdir, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { embeddedPostgresError } from './embedded-postgres-error.ts'
import { runProgram } from './run-program.ts'

// A fast shutdown writes a checkpoint; an immediate one leaves that to the recovery at the next start.
const immediateAfterMs = 5_000
const killAfterMs = 8_000
const giveUpAfterMs = 12_000

/**
 * Stops every server process of the cluster, waits until they are gone, and removes a `postmaster.pid` that
 * none of them owns: PostgreSQL refuses to start while that file names any living process, whoever it is.
 *
 * @throws KeyholdError ERR_EMBEDDED_POSTGRES when a process does not end.
 */
export async function stopLeftovers(cluster: string, log: (line: string) => void): Promise<void> {
  const startedAt = Date.now()
  let sent: NodeJS.Signals | undefined
  for (;;) {
    const pids = await findServerProcesses(cluster)
    if (pids.length === 0) break
    const elapsedMs = Date.now() - startedAt
    const wanted = signalAfter(elapsedMs)
    if (sent === undefined) {
      log(`embedded PostgreSQL: an earlier one still runs (pid ${pids.join(', ')}), stopping it`)
    }
    if (elapsedMs > giveUpAfterMs) {
      throw embeddedPostgresError(
        `An earlier PostgreSQL still uses ${cluster} (pid ${pids.join(', ')}) and does not end.`,
        'End it by hand and start again.',
      )
    }
    if (wanted !== sent) {
      const postmaster = await readPostmasterPid(cluster)
      // SIGINT and SIGQUIT are the postmaster's affair; processes that have lost it end by themselves.
      for (const pid of wanted === 'SIGKILL' ? pids : pids.filter((each) => each === postmaster)) {
        signal(pid, wanted)
      }
      sent = wanted
    }
    await sleep(15)
  }
  await rm(join(cluster, 'postmaster.pid'), { force: true })
}

/** The process id in the first line of `postmaster.pid`. */
export async function readPostmasterPid(cluster: string): Promise<number | undefined> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  return pid > 0 ? pid : undefined
}

function signalAfter(elapsedMs: number): NodeJS.Signals {
  if (elapsedMs > killAfterMs) return 'SIGKILL'
  return elapsedMs > immediateAfterMs ? 'SIGQUIT' : 'SIGINT'
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It ended in between.
  }
}

/** All living processes of the cluster's server: the postmaster and its children. */
async function findServerProcesses(cluster: string): Promise<number[]> {
  return process.platform === 'linux' ? findByWorkingFolder(cluster) : findByCommand(cluster)
}

// Every PostgreSQL server process works in its cluster. Whoever cannot be asked is somebody else's.
async function findByWorkingFolder(cluster: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const ours = await Promise.all(
    pids.map(async (pid) => {
      const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
      if (folder !== cluster) return false
      // A shell that somebody left in this folder is none of our processes. `unshare` is about to become one.
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
      return ['postgres', 'unshare'].includes(name.trim())
    }),
  )
  return pids.filter((_, index) => ours[index]).map(Number)
}

// Without /proc only the postmaster can be found; PostgreSQL's own interlock guards against its children.
async function findByCommand(cluster: string): Promise<number[]> {
  const pid = await readPostmasterPid(cluster)
  if (pid === undefined) return []
  const listing = await runProgram({ kind: 'self' }, 'ps', ['-ww', '-o', 'command=', '-p', String(pid)])
  return listing.output.includes('postgres') && listing.output.includes(cluster) ? [pid] : []
}
