// Ends the PostgreSQL that a killed Keyhold left behind, so that the next start just works. Call it only under the data
// directory's lock: then a server that still runs on the cluster has lost its Keyhold.

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
 * none of them owns: PostgreSQL refuses to start while that file names any living process.
 *
 * @throws KeyholdError ERR_EMBEDDED_POSTGRES when a process does not end.
 */
export async function stopLeftovers(cluster: string, log: (line: string) => void): Promise<void> {
  const startedAt = performance.now()
  const sent = new Map<number, NodeJS.Signals>()
  for (;;) {
    const processes = await findServerProcesses(cluster)
    if (processes.length === 0) break
    const pids = processes.map(({ pid }) => pid)
    if (sent.size === 0) {
      log(`embedded PostgreSQL: an earlier one still runs (pid ${pids.join(', ')}), stopping it`)
    }
    const elapsedMs = performance.now() - startedAt
    if (elapsedMs > giveUpAfterMs) {
      throw embeddedPostgresError(
        `An earlier PostgreSQL still uses ${cluster} (pid ${pids.join(', ')}) and does not end.`,
        'End it by hand and start again.',
      )
    }
    const wanted = signalAfter(elapsedMs)
    for (const { pid, parent } of processes) {
      // A parent among them ends its children itself, until nothing else helps.
      const isChild = pids.includes(parent)
      if (sent.get(pid) === wanted || (isChild && wanted !== 'SIGKILL')) continue
      sent.set(pid, wanted)
      signal(pid, wanted)
    }
    await sleep(15)
  }
  await rm(join(cluster, 'postmaster.pid'), { force: true })
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

interface ServerProcess {
  pid: number
  parent: number
}

/** All living processes of the cluster's server: the postmaster and its children. */
async function findServerProcesses(cluster: string): Promise<ServerProcess[]> {
  return process.platform === 'linux' ? findByWorkingFolder(cluster) : findByCommand(cluster)
}

// The working folder of every PostgreSQL server process is its cluster. A process that cannot be read is not ours.
async function findByWorkingFolder(cluster: string): Promise<ServerProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
      if (folder !== cluster) return []
      const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
      // A shell that somebody left in this folder is not one of our processes. `unshare` is about to become one.
      const [, parent] = /^\d+ \((?:postgres|unshare)\) \S (\d+)/.exec(status) ?? []
      return parent === undefined ? [] : [{ pid: Number(pid), parent: Number(parent) }]
    }),
  )
  return found.flat()
}

// Without /proc only the postmaster can be found; PostgreSQL's own interlock guards against its children.
async function findByCommand(cluster: string): Promise<ServerProcess[]> {
  const pid = Number.parseInt(await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => ''), 10)
  if (!(pid > 0)) return []
  const listing = await runProgram({ kind: 'self' }, 'ps', ['-ww', '-o', 'command=', '-p', String(pid)])
  const isServer = listing.output.includes('postgres') && listing.output.includes(cluster)
  return isServer ? [{ pid, parent: 0 }] : []
}
