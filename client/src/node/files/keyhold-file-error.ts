// Errors about a file that the caller named, before anything was encrypted. Errors of the disk are Node's own, with
// their codes.

/**
 * - `ERR_FILE_TARGET_EXISTS`: the target is there already, and `overwrite` was not given.
 * - `ERR_FILE_NOT_READABLE`: the source is a directory or a socket, which have no content.
 */
export type FileErrorCode = 'ERR_FILE_TARGET_EXISTS' | 'ERR_FILE_NOT_READABLE'

export class KeyholdFileError extends Error {
  readonly code: FileErrorCode
  readonly path: string

  constructor(code: FileErrorCode, message: string, path: string) {
    super(`${message}: ${path}`)
    this.name = 'KeyholdFileError'
    this.code = code
    this.path = path
  }
}
