// Reads the files of TLS.
import { KeyholdError } from '@keyhold/core'
import { open } from 'node:fs/promises'
import { tlsVariables, type TlsFile, type TlsTexts } from './tls-context.ts'

/** The places of the files. */
export type TlsPlaces = Readonly<
  Record<'certificate' | 'key', string> & Partial<Record<TlsFile, string | undefined>>
>

// A list of many revoked certificates is long.
const maxBytes = 16_777_216

/**
 * @param looseModeOf - completes the sentence "The file NAME …" for a mode that lets others read a secret
 * @throws KeyholdError `ERR_CONFIG_INVALID`, which names the variable and the file, never its content
 */
export async function readTlsFiles(
  places: TlsPlaces,
  looseModeOf: (mode: number) => string | undefined,
): Promise<TlsTexts> {
  const named = Object.entries(places) as [TlsFile, string | undefined][]
  const read = await Promise.all(
    named.flatMap(([name, place]) =>
      place === undefined ? [] : [readOne(name, place, looseModeOf).then((text) => [name, text] as const)],
    ),
  )
  return Object.fromEntries(read) as TlsTexts
}

async function readOne(
  name: TlsFile,
  place: string,
  looseModeOf: (mode: number) => string | undefined,
): Promise<string> {
  const refuse = (what: string, cause?: unknown) =>
    new KeyholdError('ERR_CONFIG_INVALID', {
      message: `The file ${place} of ${tlsVariables[name]} ${what}.`,
      cause,
    })
  try {
    const handle = await open(place)
    try {
      const stats = await handle.stat()
      if (!stats.isFile()) throw refuse('is not a file')
      if (stats.size > maxBytes) throw refuse('is too large')
      const loose = name === 'key' ? looseModeOf(stats.mode) : undefined
      if (loose !== undefined) throw refuse(loose)
      return await handle.readFile('utf8')
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (error instanceof KeyholdError) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no reason'
    throw refuse(`cannot be read (${code}): give Keyhold's user access to it`, error)
  }
}
