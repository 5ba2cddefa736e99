// The password of the embedded PostgreSQL's only role, in a file that only Keyhold's account can read.

import { randomBytes, randomUUID } from 'node:crypto'
import { chmod, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from './account.ts'
import { embeddedPostgresError, isSystemError, reasonOf } from './embedded-postgres-error.ts'
import { runProgram } from './run-program.ts'
import { syncFolder } from './sync-folder.ts'

/** The file in the data directory that holds the password (mode 0600). */
export function passwordFile(dataDir: string): string {
  return join(dataDir, 'postgres-password')
}

/** Reads the password. Answers undefined if there is none yet. */
export async function readPassword(dataDir: string): Promise<string | undefined> {
  const path = passwordFile(dataDir)
  try {
    const password = (await readFile(path, 'utf8')).trim()
    await chmod(path, 0o600)
    return password === '' ? undefined : password
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined
    throw embeddedPostgresError(
      `The password file ${path} cannot be used: ${reasonOf(error)}.`,
      'Give the file to the user that runs Keyhold.',
      error,
    )
  }
}

/** 256 random bits in characters that need no quoting anywhere. */
export function randomPassword(): string {
  return randomBytes(32).toString('base64url')
}

/** Stores a password. It is on disk when this returns, so that no power cut can shut Keyhold out. */
export async function writePassword(dataDir: string, password: string): Promise<void> {
  const unfinished = `${passwordFile(dataDir)}.${randomUUID()}`
  const file = await open(unfinished, 'wx', 0o600)
  try {
    await file.writeFile(`${password}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(unfinished, passwordFile(dataDir))
  await syncFolder(dataDir)
}

/**
 * Gives the role of an existing, stopped cluster a new password, because its file was not restored with it. This
 * opens nothing new: it takes the owner of the cluster's files, who can read all of it anyway.
 */
export async function resetPassword(
  account: Account,
  binaries: string,
  cluster: string,
  user: string,
  password: string,
): Promise<void> {
  const { status, output } = await runProgram(
    account,
    join(binaries, 'bin', 'postgres'),
    // Without exit_on_error the single-user server would end with status 0 after a failed statement.
    ['--single', '-D', cluster, '-c', 'exit_on_error=on', '-c', 'log_min_error_statement=panic', 'postgres'],
    `ALTER ROLE "${user}" PASSWORD '${password}'\n`,
  )
  if (status === 0) return
  throw embeddedPostgresError(
    `The password of ${cluster} could not be set: ${output.split('\n').slice(-3).join(' ')}.`,
    'Restore the file postgres-password from the backup that the cluster comes from.',
  )
}
