// Node's compile cache. Half of a start is reading and compiling modules. The cache is in the data directory, since
// others must not write to it.
import { mkdirSync } from 'node:fs'
import { enableCompileCache, flushCompileCache } from 'node:module'
import path from 'node:path'

/** It applies to modules that are imported from now on. */
export function useCompileCache(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    enableCompileCache(path.resolve(dataDir, 'compile-cache'))
  } catch {
    // The start itself reports a data directory that cannot be made.
  }
}

/** Writes the compiled modules, so that they are kept even if the process is killed. */
export function saveCompileCache(): void {
  flushCompileCache()
}
