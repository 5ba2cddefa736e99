// An access token from a file that somebody writes anew, such as a projected token of Kubernetes. It is read again at times.
import { readFile } from 'node:fs/promises'

// Whoever issues such tokens exchanges them when a fifth of their life is left: minutes.
const keepMs = 10_000

/** @param clock - monotonic, in milliseconds */
export function createTokenFile(file: string, clock: () => number): () => Promise<string> {
  let kept: { token: string; readMs: number } | undefined
  return async () => {
    const nowMs = clock()
    if (kept === undefined || !(nowMs - kept.readMs < keepMs)) {
      kept = { token: (await readFile(file, 'utf8')).trim(), readMs: nowMs }
    }
    return kept.token
  }
}
