// The account under which PostgreSQL's programs run. They refuse to run as root, so root lends them another account.

import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { lchown } from 'node:fs/promises'

/**
 * `self`: the account Keyhold runs as, when that is not root. `namespace`: root, which a user namespace makes
 * look like an ordinary user; files keep belonging to root. `user`: another account of this system.
 */
export type Account =
  | { kind: 'self' }
  | { kind: 'namespace' }
  | { kind: 'user'; name: string; uid: number; gid: number }

// Keyhold's own environment may hold secrets, and PG… variables that would change how the programs run.
const environment = { LC_ALL: 'C', PATH: '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin' }

// Any identity but 0 works. 1000 is the first ordinary user of most systems.
const namespaceArguments = ['-U', '--map-user=1000', '--map-group=1000', '--']

/**
 * Starts a program as `account`, in a session of its own: a Ctrl-C at the terminal reaches Keyhold alone, which
 * then decides in which order things stop. The process id is the program's own whatever the account.
 */
export function spawnAs(
  account: Account,
  file: string,
  programArguments: readonly string[],
  options: { cwd: string; stdio: StdioOptions },
): ChildProcess {
  const inNamespace = account.kind === 'namespace'
  return spawn(
    inNamespace ? 'unshare' : file,
    inNamespace ? [...namespaceArguments, file, ...programArguments] : programArguments,
    {
      ...options,
      env: environment,
      detached: true,
      ...(account.kind === 'user' ? { uid: account.uid, gid: account.gid } : {}),
    },
  )
}

/** Gives a file or folder that Keyhold has made to the account. Follows no link: root must not be led astray. */
export async function giveTo(account: Account, path: string): Promise<void> {
  if (account.kind === 'user') await lchown(path, account.uid, account.gid)
}
