// Tries what an account can do. The kernel decides that, by permissions, user namespaces, access control lists and
// security modules, and nothing here could predict it.

import { join } from 'node:path'
import type { Account } from './account.ts'
import { reasonOf } from './embedded-postgres-error.ts'
import { runProgram } from './run-program.ts'

/** Whether Keyhold can use the account at all, and whether it can run the programs and enter the data's folder. */
export type Reach =
  | { works: true; binaries: boolean; data: boolean }
  | { works: false; reason: string; binaries: false; data: false }

// Exit statuses that neither sh nor unshare uses for a failure of their own.
const statusBase = 48
const script = `r=0; test -x "$1" || r=1; test -x "$2" || r=$((r+2)); exit $((${statusBase}+r))`

/** Runs two tests as the account. */
export async function probe(account: Account, binaries: string, folder: string): Promise<Reach> {
  const program = join(binaries, 'bin', 'postgres')
  try {
    const { status, output } = await runProgram(account, '/bin/sh', ['-c', script, 'probe', program, folder])
    const result = typeof status === 'number' ? status - statusBase : -1
    if (result < 0 || result > 3) {
      return { works: false, reason: output || `status ${status}`, binaries: false, data: false }
    }
    return { works: true, binaries: (result & 1) === 0, data: (result & 2) === 0 }
  } catch (error) {
    return { works: false, reason: reasonOf(error), binaries: false, data: false }
  }
}
