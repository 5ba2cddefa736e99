// Reads a secret from a file, and refuses one that everybody may read.
import { KeyholdError } from '@keyhold/core'
import { readFileSync, statSync } from 'node:fs'
import { looseModeOf } from './loose-mode.ts'

const maxBytes = 65_536

/**
 * @param whose - the variable that names the file, or the credential
 * @throws KeyholdError `ERR_CONFIG_INVALID`, which names them and the file, never its content
 */
export function readSecretFile(file: string, whose: string): string {
  const refuse = (what: string, cause?: unknown) =>
    new KeyholdError('ERR_CONFIG_INVALID', { message: `The file ${file} of ${whose} ${what}.`, cause })
  let text: string
  try {
    const stats = statSync(file)
    if (!stats.isFile()) throw refuse('is not a file')
    if (stats.size > maxBytes) throw refuse('is too large for a secret')
    const loose = looseModeOf(stats.mode)
    if (loose !== undefined) throw refuse(loose)
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof KeyholdError) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no reason'
    throw refuse(`cannot be read (${code}): give Keyhold's user access to it`, error)
  }
  // An empty variable is not set. An empty file is a secret that somebody forgot to write.
  if (text.trim() === '') throw refuse('is empty')
  return text
}
