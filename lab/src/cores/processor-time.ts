// Processor time of a server with all processes that it has started, and of the machine.
import { readFile } from 'node:fs/promises'
import os from 'node:os'

export interface ServerTime {
  /** Of the server: its supervisor and its replicas. */
  serverMs: number
  /** Of its PostgreSQL. */
  postgresMs: number
}

const tickMs = 10

/** @param pid - of the server, which runs the embedded PostgreSQL */
export async function serverTime(pid: number): Promise<ServerTime> {
  const time = { serverMs: 0, postgresMs: 0 }
  const add = async (each: number, isPostgres: boolean): Promise<void> => {
    const stat = await readFile(`/proc/${each}/stat`, 'utf8').catch(() => undefined)
    if (stat === undefined) return
    const [head, rest] = [stat.slice(0, stat.lastIndexOf(') ')), stat.slice(stat.lastIndexOf(') ') + 2)]
    const isOfPostgres = isPostgres || head.endsWith('(postgres')
    const fields = rest.split(' ')
    // The 14th and 15th of all fields: proc_pid_stat(5).
    const ms = (Number(fields[11]) + Number(fields[12])) * tickMs
    if (isOfPostgres) time.postgresMs += ms
    else time.serverMs += ms
    for (const child of await childrenOf(each)) await add(child, isOfPostgres)
  }
  await add(pid, false)
  return time
}

async function childrenOf(pid: number): Promise<number[]> {
  const tasks = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  return tasks.trim() === '' ? [] : tasks.trim().split(' ').map(Number)
}

/** The work of all processors of this machine, whoever had them. */
export function machineTimeMs(): number {
  return os.cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0)
}
