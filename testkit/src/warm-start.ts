// What test servers begin with: compiled modules, and a data directory. Making a PostgreSQL cluster and all tables takes
// two seconds of a processor; done once for a run of the tests, in the background, and copied for each server that does
// not mind who made its keys.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const variable = 'KEYHOLD_TEST_WARM_DATA_DIR'
const run = promisify(execFile)

/** For vitest: begins before all tests, and answers what is to be done after them. */
export async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-warm-'))
  // The workers, which are begun later, inherit it.
  process.env[variable] = path.join(folder, 'ready')
  // Half of what starting a process costs is reading its modules. Not for production: who can write there runs code.
  process.env.NODE_COMPILE_CACHE = path.join(folder, 'compiled')
  const made = make(folder)
  return async () => {
    await made
    // Workers that end just now may still write what they have compiled.
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
}

async function make(folder: string): Promise<void> {
  const dataDir = path.join(folder, 'data')
  await run(process.execPath, [fileURLToPath(new URL('./make-data-dir.ts', import.meta.url)), dataDir])
  await rename(dataDir, path.join(folder, 'ready'))
}

/** Copies it to where nothing is yet, if it is ready; a server that finds nothing there makes all of it itself. */
export async function warmDataDir(dataDir: string): Promise<void> {
  const source = process.env[variable]
  if (source === undefined || !existsSync(source)) return
  // Owners and modes matter to PostgreSQL.
  await run('cp', ['-a', source, dataDir])
}
