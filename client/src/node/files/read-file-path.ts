// Reads the path of a file that the caller names. It is read at once: the caller can change a URL while the call waits.
import { fileURLToPath } from 'node:url'
import { wrongMember } from '../../checks/wrong-member.ts'

const code = 'ERR_CLIENT_FILE_INVALID'

/**
 * The path that a path or a file: URL names.
 *
 * @throws KeyholdClientError `ERR_CLIENT_FILE_INVALID`, also for a NUL or a lone surrogate: the disk would see another
 * name
 */
export function readFilePath(value: unknown, member: string): string {
  const path = typeof value === 'string' ? value : pathOfUrl(value, member)
  if (path === '' || path.includes('\0') || !path.isWellFormed())
    throw wrongMember(code, member, 'a path that a file can have')
  return path
}

function pathOfUrl(value: unknown, member: string): string {
  try {
    if (value instanceof URL) return fileURLToPath(value)
  } catch (cause) {
    throw wrongMember(code, member, 'a file: URL of this machine', cause)
  }
  throw wrongMember(code, member, 'a path or a file: URL')
}
