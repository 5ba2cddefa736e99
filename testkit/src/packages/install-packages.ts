// The packages as `npm run pack` makes them, installed as somebody does who has nothing but the tarballs.
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

const root = path.join(import.meta.dirname, '../../..')
const run = promisify(execFile)

export interface PackOptions {
  /** Types take most of the time. */
  hasTypes?: boolean
  /** Workspaces; default: all that are packed. */
  of?: readonly string[]
}

/** Packs everything as it is now; answers the tarballs. */
export async function packPackages(
  folder: string,
  { hasTypes = true, of = [] }: PackOptions = {},
): Promise<string[]> {
  const packer = path.join(root, 'scripts/pack/main.ts')
  const args = [packer, '--out', folder, ...(hasTypes ? [] : ['--without-types']), ...of]
  const { stdout } = await run(process.execPath, args)
  return stdout.trim().split('\n')
}

export interface InstallOptions {
  /** Takes the versions that the repository has installed, and asks no registry for newer ones. */
  fromLock?: boolean
  /** For `npm install`, such as `--omit=optional`. */
  options?: readonly string[]
}

/** Installs the tarballs in `folder`, where nothing is yet. */
export async function installPackages(
  tarballs: readonly string[],
  folder: string,
  { fromLock = false, options = [] }: InstallOptions = {},
): Promise<void> {
  await mkdir(folder)
  if (fromLock) await writeFile(path.join(folder, 'package-lock.json'), await lockOfRepository())
  const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts']
  if (fromLock) args.push('--prefer-offline')
  await run('npm', [...args, ...options, ...tarballs], { cwd: folder })
}

interface Lock {
  packages: Record<string, { link?: true }>
}

/** A lock of what the repository has installed, in a folder that needs nothing of it yet. */
async function lockOfRepository(): Promise<string> {
  const lock = JSON.parse(await readFile(path.join(root, 'package-lock.json'), 'utf8')) as Lock
  const installed = Object.entries(lock.packages).filter(
    ([place, { link }]) => place.startsWith('node_modules/') && link !== true,
  )
  return JSON.stringify({
    ...lock,
    name: 'application',
    packages: Object.fromEntries([['', {}], ...installed]),
  })
}

/** The program of a command that was installed. */
export function installedCommand(folder: string, name: string): string {
  return path.join(folder, 'node_modules/.bin', name)
}
