// Notices that files were changed or exchanged. It watches their folders: Kubernetes and ACME clients exchange a link.
import { watch, type FSWatcher } from 'node:fs'
import path from 'node:path'
import { runOnceMore } from './run-once-more.ts'

export interface FolderWatch {
  close(): void
}

// All files of one change are written within this time, mostly.
const quietMs = 100
// Some file systems tell nothing, and a folder may be exchanged itself.
const lookMs = 10_000

/** Calls `onChange` after a change, and at times without one. */
export function watchFolders(files: readonly string[], onChange: () => Promise<void>): FolderWatch {
  // Whoever writes a file in place has it read half written, so that a change meanwhile counts as well.
  const change = runOnceMore(onChange)
  let timer: NodeJS.Timeout | undefined
  const soon = () => {
    clearTimeout(timer)
    timer = setTimeout(change, quietMs).unref()
  }
  const watchers = new Map<string, FSWatcher>()
  function watchAll(): void {
    for (const folder of new Set(files.map((file) => path.dirname(path.resolve(file))))) {
      if (watchers.has(folder)) continue
      try {
        const watcher = watch(folder, { persistent: false }, soon)
        watchers.set(folder, watcher)
        watcher.on('error', () => {
          watcher.close()
          watchers.delete(folder)
        })
      } catch {
        // There is no such folder for now, or no watch is left: the look at times stays.
      }
    }
  }
  watchAll()
  const looks = setInterval(() => {
    watchAll()
    change()
  }, lookMs).unref()
  return {
    close() {
      clearTimeout(timer)
      clearInterval(looks)
      for (const watcher of watchers.values()) watcher.close()
    },
  }
}
