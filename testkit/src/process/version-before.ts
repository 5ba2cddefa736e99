// An earlier version of this repository, from its own history, as a program that can be run beside the present one.
import { execFile } from 'node:child_process'
import { mkdir, readdir, rm, symlink } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

const root = path.join(import.meta.dirname, '../../..')
const run = promisify(execFile)
const ownScope = '@keyhold'

export interface VersionBefore {
  /** Its program of the command `keyhold-server`. */
  program: string
  remove(): Promise<void>
}

/**
 * Lays out a commit in a folder that is not there yet. It uses the packages that are installed for the present version.
 *
 * @returns undefined where the history does not reach so far back, as in a shallow clone
 */
export async function checkOutVersion(commit: string, folder: string): Promise<VersionBefore | undefined> {
  const git = (...args: string[]) => run('git', ['-C', root, ...args])
  const isThere = await git('cat-file', '-e', `${commit}^{commit}`).then(
    () => true,
    () => false,
  )
  if (!isThere) return undefined
  await git('worktree', 'add', '--detach', '--force', folder, commit)
  await linkPackages(folder)
  return {
    program: path.join(folder, 'server/src/command.ts'),
    async remove() {
      await git('worktree', 'remove', '--force', folder)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** All packages that are installed, but the workspaces of that version. */
async function linkPackages(folder: string): Promise<void> {
  const installed = path.join(root, 'node_modules')
  const modules = path.join(folder, 'node_modules')
  await mkdir(path.join(modules, ownScope), { recursive: true })
  for (const name of await readdir(installed))
    if (name !== ownScope) await symlink(path.join(installed, name), path.join(modules, name))
  for (const name of await readdir(path.join(installed, ownScope)))
    await symlink(path.join(folder, name), path.join(modules, ownScope, name))
}
