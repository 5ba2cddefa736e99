// The file of issuers, read again whenever it changes. What cannot be used changes nothing: then those before it stay trusted.
import { KeyholdError } from '@keyhold/core'
import { open } from 'node:fs/promises'
import { watchFolders } from '../../tls/watch-folders.ts'
import type { IssuersFile } from './issuers-form.ts'
import { PlaceFault } from './json-places.ts'
import { readIssuersFile } from './read-issuers-file.ts'

export interface ReloadedIssuers {
  /** Whether the file cannot be used as it is now, so that what was read before counts. */
  isOutdated(): boolean
  close(): void
}

export interface IssuersFileOptions {
  file: string
  /** Is called with each content that differs from the one before, the first one included. */
  onRead: (issuers: IssuersFile) => void
  /** Is called once for each reason why the file cannot be used. */
  onKept: (error: Error) => void
}

const maxBytes = 1_048_576

/** @throws KeyholdError `ERR_CONFIG_INVALID` for a file that cannot be used */
export async function openIssuersFile({
  file,
  onRead,
  onKept,
}: IssuersFileOptions): Promise<ReloadedIssuers> {
  let bytes = await readBytes(file)
  onRead(readAll(file, bytes))
  let keptFor: string | undefined

  async function reload(): Promise<void> {
    try {
      const newBytes = await readBytes(file)
      if (!newBytes.equals(bytes)) {
        const issuers = readAll(file, newBytes)
        bytes = newBytes
        onRead(issuers)
      }
      keptFor = undefined
    } catch (error) {
      const { message } = error as Error
      if (message !== keptFor) onKept(error as Error)
      keptFor = message
    }
  }

  const watch = watchFolders([file], reload)
  return {
    isOutdated: () => keptFor !== undefined,
    close() {
      watch.close()
    },
  }
}

/** @throws KeyholdError `ERR_CONFIG_INVALID` */
export async function loadIssuersFile(file: string): Promise<IssuersFile> {
  return readAll(file, await readBytes(file))
}

function readAll(file: string, bytes: Buffer): IssuersFile {
  try {
    return readIssuersFile(bytes)
  } catch (error) {
    if (error instanceof PlaceFault) throw refusal(file, `cannot be used: ${error.message}`)
    throw error
  }
}

async function readBytes(file: string): Promise<Buffer> {
  try {
    const handle = await open(file)
    try {
      const stats = await handle.stat()
      if (!stats.isFile()) throw refusal(file, 'is not a file')
      if (stats.size > maxBytes) throw refusal(file, 'is too large')
      return await handle.readFile()
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (error instanceof KeyholdError) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no reason'
    throw refusal(file, `cannot be read (${code}): give Keyhold's user access to it`)
  }
}

function refusal(file: string, what: string): KeyholdError {
  return new KeyholdError('ERR_CONFIG_INVALID', {
    message: `The file ${file} of KEYHOLD_ISSUERS_FILE ${what}.`,
  })
}
