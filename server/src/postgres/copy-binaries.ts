// For root only: puts PostgreSQL's programs where another user can reach them, once per version of them.

import { createHash } from 'node:crypto'
import { chmod, cp, mkdir, mkdtemp, readFile, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { embeddedPostgresError } from './embedded-postgres-error.ts'

/**
 * Copies `bin`, `lib` and `share` to a folder in `sharedDir`, which belongs to root and which everybody can
 * read, unless they are there already.
 */
export async function copyBinaries(
  binaries: string,
  sharedDir: string,
  log: (line: string) => void,
): Promise<string> {
  await makeSharedDir(sharedDir)
  const target = join(sharedDir, `programs-${await versionMark(binaries)}`)
  if (await exists(target)) return target
  log(`embedded PostgreSQL: copying its programs from ${binaries} to ${target}`)
  const unfinished = await mkdtemp(join(sharedDir, 'unfinished-'))
  try {
    await cp(binaries, unfinished, { recursive: true, verbatimSymlinks: true })
    await openToAll(unfinished)
    // A second process finds that the folder exists, with the same files.
    await rename(unfinished, target).catch(async (error: unknown) => {
      if (!(await exists(target))) throw error
    })
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  return target
}

/** Makes root's folder for files that another user must reach, and refuses a folder that others can change. */
export async function makeSharedDir(sharedDir: string): Promise<void> {
  await mkdir(sharedDir, { recursive: true, mode: 0o755 })
  const { uid, mode } = await stat(sharedDir)
  if (uid !== 0 || (mode & 0o022) !== 0) {
    throw embeddedPostgresError(
      `The folder ${sharedDir} must belong to root, and only root may write it.`,
      'Correct its owner and mode.',
    )
  }
}

async function versionMark(binaries: string): Promise<string> {
  const program = await readFile(join(binaries, 'bin', 'postgres'))
  return createHash('sha256').update(program).digest('hex').slice(0, 16)
}

async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isSymbolicLink()) continue
    const isProgram = entry.isDirectory() || ((await stat(path)).mode & 0o100) !== 0
    await chmod(path, isProgram ? 0o755 : 0o644)
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}
