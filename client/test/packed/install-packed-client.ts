// Installs the packed client in an application that has no other package.
import { execFile } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packPackages } from '../../../testkit/src/packages/install-packages.ts'

const run = promisify(execFile)

export interface PackedClient {
  /** The application: a folder with a `package.json` and `node_modules`. */
  application: string
  /** The installed package. */
  folder: string
  /** The names in `node_modules`. */
  installed: string[]
}

/** Packs the client as it is now and installs it below `folder`, without asking any registry. */
export async function installPackedClient(folder: string): Promise<PackedClient> {
  const tarballs = await packPackages(join(folder, 'packed'), { of: ['client'] })
  const application = join(folder, 'application')
  await mkdir(application)
  await writeFile(join(application, 'package.json'), '{ "private": true, "type": "module" }')
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', ...tarballs], { cwd: application })
  const modules = join(application, 'node_modules')
  const installed = (await readdir(modules)).filter((name) => !name.startsWith('.'))
  return { application, folder: join(modules, '@keyhold/client'), installed }
}
