// Refuses headers that let two readers of the same bytes, such as a proxy and this server, see different requests. This
// happens before anything else of the request is read.
import { KeyholdError, type ErrorCode } from '@keyhold/core'
import type { IncomingMessage } from 'node:http'

/** The fault of the headers, or undefined if there is none. The HTTP parser limits their number and size. */
export function findHeaderFault({
  headers,
  rawHeaders,
  httpVersionMajor,
  httpVersionMinor,
}: IncomingMessage): KeyholdError | undefined {
  if (httpVersionMajor !== 1) return new KeyholdError('ERR_INVALID_REQUEST')
  // RFC 9112 section 3.2.
  if (headers.host === undefined && httpVersionMinor !== 0) return fault('ERR_INVALID_REQUEST', 'no Host')
  const twice = findTwice(rawHeaders)
  if (twice !== undefined) return twice
  const { 'transfer-encoding': transfer, 'content-encoding': content } = headers
  // RFC 9112 section 6.1: it is a sign of a message that was put together wrongly.
  if (transfer !== undefined && httpVersionMinor === 0) {
    return fault('ERR_INVALID_REQUEST', 'a transfer coding in HTTP/1.0')
  }
  if (transfer !== undefined && transfer.toLowerCase() !== 'chunked') {
    return fault('ERR_INVALID_REQUEST', 'another transfer coding than chunked')
  }
  // Nothing is decompressed, because some kilobytes would become gigabytes.
  if (content !== undefined && content.toLowerCase() !== 'identity') {
    return new KeyholdError('ERR_UNSUPPORTED_MEDIA_TYPE')
  }
  return undefined
}

// Node keeps the first of several equal headers and drops the others.
function findTwice(rawHeaders: readonly string[]): KeyholdError | undefined {
  let hosts = 0
  let authorizations = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length === 4) hosts += name.toLowerCase() === 'host' ? 1 : 0
    else if (name?.length === 13) authorizations += name.toLowerCase() === 'authorization' ? 1 : 0
  }
  if (hosts > 1) return fault('ERR_INVALID_REQUEST', 'two hosts')
  return authorizations > 1 ? new KeyholdError('ERR_UNAUTHENTICATED') : undefined
}

function fault(code: ErrorCode, what: string): KeyholdError {
  return new KeyholdError(code, { message: `The headers of the request have ${what}.` })
}
