// What Node's HTTP parser refuses before there is a request: broken or too many headers, or a client that is too slow.
// Nothing of it is logged: the error holds the raw packet, access token and all.
import { KeyholdError, type ErrorCode } from '@keyhold/core'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { errorReply } from './error-reply.ts'
import { newTraceId } from './new-trace-id.ts'

/** Answers in the envelope, where the client still listens, and ends the connection. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const code: ErrorCode =
    error.code === 'HPE_HEADER_OVERFLOW' ? 'ERR_PAYLOAD_TOO_LARGE' : 'ERR_INVALID_REQUEST'
  const traceId = newTraceId()
  const { status, body } = errorReply(new KeyholdError(code), traceId, undefined)
  const text = JSON.stringify(body)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(text)}`,
    `x-b3-traceid: ${traceId}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`, () => socket.destroy())
}
