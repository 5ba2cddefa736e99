// Replaces a small file so that a crash leaves the old content or the new one, on disk when this answers.
import { mkdir, open, rename } from 'node:fs/promises'
import path from 'node:path'
import { createTemporary } from './state-files.ts'

/** Makes the folder if it is missing. Only Keyhold's user may read both. */
export async function writeDurably(file: string, text: string): Promise<void> {
  const folder = path.dirname(file)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const temporary = `${file}.tmp`
  const handle = await createTemporary(temporary)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, file)
  const opened = await open(folder)
  try {
    await opened.sync()
  } finally {
    await opened.close()
  }
}
