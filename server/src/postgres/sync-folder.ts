// A rename survives a power cut only when the folder that holds the name is synced, too.

import { open } from 'node:fs/promises'

/** Writes the names in a folder to disk. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
