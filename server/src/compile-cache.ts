// Node's compile cache, in the data directory and not in a folder that others may write to: half of a start is
// reading and compiling modules.
import { mkdirSync } from 'node:fs'
import { enableCompileCache, flushCompileCache } from 'node:module'
import path from 'node:path'

/** Takes effect on modules that are imported from now on. */
export function useCompileCache(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    enableCompileCache(path.resolve(dataDir, 'compile-cache'))
  } catch {
    // A data directory that can't be made is reported by the start itself.
  }
}

/** Writes what was compiled, so that a process that is killed has cached it too. */
export function saveCompileCache(): void {
  flushCompileCache()
}
