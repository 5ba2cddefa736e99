// Installs the packed client in an application that has no other package.
import { execFile } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const packer = join(import.meta.dirname, '../../../scripts/pack-client/main.ts')
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
  const packed = await run(process.execPath, [packer, '--out', join(folder, 'packed')])
  const application = join(folder, 'application')
  await mkdir(application)
  await writeFile(join(application, 'package.json'), '{ "private": true, "type": "module" }')
  const install = ['install', '--offline', '--no-audit', '--no-fund', packed.stdout.trim()]
  await run('npm', install, { cwd: application })
  const modules = join(application, 'node_modules')
  const installed = (await readdir(modules)).filter((name) => !name.startsWith('.'))
  return { application, folder: join(modules, '@keyhold/client'), installed }
}
