// The password of the embedded PostgreSQL's only role, in a file that only Keyhold's account can read.

import { randomBytes, randomUUID } from 'node:crypto'
import { chmod, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { embeddedPostgresError, isSystemError, reasonOf } from './embedded-postgres-error.ts'
import { syncFolder } from './sync-folder.ts'

/**
 * Reads `<dataDir>/postgres-password`, or makes it (mode 0600) with 256 random bits. It is on disk before this
 * returns, so no cluster can ever have a password that a power cut has taken.
 */
export async function clusterPassword(dataDir: string): Promise<string> {
  const path = join(dataDir, 'postgres-password')
  try {
    const password = (await readFile(path, 'utf8')).trim()
    await chmod(path, 0o600)
    if (password !== '') return password
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) {
      throw embeddedPostgresError(
        `The password file ${path} cannot be used: ${reasonOf(error)}.`,
        'Give the file to the user that runs Keyhold.',
        error,
      )
    }
  }
  return writePassword(dataDir, path)
}

async function writePassword(dataDir: string, path: string): Promise<string> {
  const password = randomBytes(32).toString('base64url')
  const unfinished = `${path}.${randomUUID()}`
  const file = await open(unfinished, 'wx', 0o600)
  try {
    await file.writeFile(`${password}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(unfinished, path)
  await syncFolder(dataDir)
  return password
}
