// The processor time of another process. It shows the cost of a request also on a busy machine.
import { readFile } from 'node:fs/promises'

// Linux counts in hundredths of a second on every platform of Node.
const tickMs = 10

/** Milliseconds of user and system time so far; undefined where the system does not say. */
export async function cpuTimeMs(pid: number): Promise<number | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The second field is the command in parentheses, which may contain spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * tickMs
  } catch {
    return undefined
  }
}
