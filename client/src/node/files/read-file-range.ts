// Reads one range of an encrypted file: opens it, reads and closes it.
import { optional, readOptions } from '../../checks/read-members.ts'
import type { DataKeyLeases } from '../data-key-leases.ts'
import { openEncryptedFile, readPlace } from './encrypted-file.ts'
import { streamReaders } from './file-options.ts'

interface GivenRange {
  start: unknown
  end: unknown
  options: unknown
}

export async function readFileRange(
  leases: DataKeyLeases,
  path: unknown,
  given: GivenRange,
): Promise<Buffer<ArrayBuffer>> {
  // All arguments are read before the first await.
  const { context, signal } = readOptions(given.options, streamReaders)
  const start = readPlace(given.start, 'start')
  const end = optional(readPlace)(given.end, 'end')
  const file = await openEncryptedFile(leases, path, { context, signal })
  try {
    return await file.readRange(start, end, { ...(signal && { signal }) })
  } finally {
    await file.close()
  }
}
